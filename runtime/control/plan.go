package control

import (
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Plan is what a change would do.
type Plan struct {
	// Generation the plan is true for.
	Generation uint64 `json:"revision"`
	// Changes in the order of their paths.
	Changes []config.Change `json:"changes"`
	// Listeners that the change touches, by name.
	Listeners []ListenerPlan `json:"listeners"`
	// Pools that the change touches, by name.
	Pools []PoolPlan `json:"pools,omitempty"`
	// Summary is one line for a person: "web: 2 new workers, nothing dropped".
	// Code and Args are what it is made of.
	Summary string       `json:"summary"`
	Code    message.Code `json:"code"`
	Args    message.Args `json:"args,omitempty"`
	// Warnings are what does not stand in the way of the change, but may make it
	// regretted: a backend that does not answer, a certificate about to expire.
	Warnings []string `json:"warnings,omitempty"`
	// Needs is what the change takes beyond what is in use.
	Needs Needs `json:"needs"`
}

// Needs of a change, while old and new run side by side.
type Needs struct {
	// Processes that are started.
	Processes int `json:"processes"`
	// Descriptors that the master opens; each connection takes another.
	Descriptors int `json:"descriptors"`
	// MemoryBytes, judged by the workers that run; 0 if no process is started.
	MemoryBytes uint64 `json:"memory_bytes"`
}

// WorkerAction is what a change does to a worker.
type WorkerAction string

// What a plan says of a worker.
const (
	WorkerKept    WorkerAction = "keep"   // notices nothing
	WorkerUpdated WorkerAction = "update" // gets new settings, and keeps its connections
	WorkerStarted WorkerAction = "start"
	WorkerRetired WorkerAction = "retire" // drains and ends
)

// WorkerPlan is what a change would do to one worker.
type WorkerPlan struct {
	ID     int          `json:"id"`
	PID    int          `json:"pid,omitempty"` // of one that runs
	Action WorkerAction `json:"action"`
	// Connections open now, within a request and between two.
	Active int `json:"active"`
	Idle   int `json:"idle"`
}

// ListenerAction is what a change does to a listener.
type ListenerAction string

// What a plan says of a listener.
const (
	ListenerStarted ListenerAction = "start"
	ListenerStopped ListenerAction = "stop"   // drains, and stays in the config
	ListenerUpdated ListenerAction = "update" // gets new settings from those who serve it now
	ListenerResized ListenerAction = "resize" // is served by more or fewer processes, on the same socket
	ListenerRebound ListenerAction = "rebind" // is served on another address, then what is connected to the old one drains
	ListenerRemoved ListenerAction = "remove" // drains, and leaves the config
)

// ListenerPlan is what a change would do to one listener.
type ListenerPlan struct {
	Name   string         `json:"name"`
	Action ListenerAction `json:"action"`
	// Kept connections notice nothing, drained ones end after their present
	// request, or at the latest after the shutdown timeout.
	Kept    int `json:"connections_kept"`
	Drained int `json:"connections_drained"`
	// Cut is how many of the drained ones will probably still be within a request
	// when the shutdown timeout is over, and are closed then: streams, and what
	// was taken over from HTTP.
	Cut int `json:"connections_cut"`
	// WorkersStarted and WorkersRetired count processes.
	WorkersStarted int `json:"workers_started"`
	WorkersRetired int `json:"workers_retired"`
	// Deadline is the longest a drain can take, "30s"; empty if nothing drains.
	Deadline string `json:"drain_deadline,omitempty"`
	// Workers of a listener that has any, or would have.
	Workers []WorkerPlan `json:"workers,omitempty"`
	// OldestRequest is how long the oldest request has been under way on what
	// drains, "42s"; empty if none is.
	OldestRequest string `json:"oldest_request,omitempty"`
	// Likely is how long the drain will probably take: what has been under way
	// for a while is likely to go on for as long again, and never beyond the
	// deadline, where what is no longer HTTP always goes. Empty if nothing drains.
	Likely string `json:"drain_likely,omitempty"`
	// LongLived are connections among the drained that have been busy with one
	// thing for a while: streams, and what was taken over from HTTP. They live
	// until the deadline and are cut then. The oldest first, at most 20.
	LongLived []LongLived `json:"long_lived,omitempty"`
	// Summary is one line for a person, Code and Args are what it is made of.
	Summary string       `json:"summary"`
	Code    message.Code `json:"code"`
	Args    message.Args `json:"args,omitempty"`
}

// LongLived is a connection that a drain would have to wait for.
type LongLived struct {
	Worker   int    `json:"worker"`
	Peer     string `json:"peer"`
	Protocol string `json:"protocol"`
	// Request is what it is busy with, as of a [Connection].
	Request string `json:"request,omitempty"`
	// Age is for how long, "2m3s".
	Age string `json:"age"`
}

// PoolAction is what a change does to a pool.
type PoolAction string

// What a plan says of a pool.
const (
	PoolAdded   PoolAction = "add"
	PoolUpdated PoolAction = "update"
	PoolRemoved PoolAction = "remove"
)

// PoolPlan is what a change would do to one pool.
type PoolPlan struct {
	Name   string     `json:"name"`
	Action PoolAction `json:"action"`
	// Active requests are under way on the pool now; Ending of them are to
	// backends that leave, and finish first.
	Active int `json:"active"`
	Ending int `json:"ending"`
	// Backends before and after, by name.
	Backends []BackendPlan `json:"backends"`
	// Summary is one line for a person, Code and Args are what it is made of.
	Summary string       `json:"summary"`
	Code    message.Code `json:"code"`
	Args    message.Args `json:"args,omitempty"`
}

// BackendAction is what a change does to a backend.
type BackendAction string

// What a plan says of a backend.
const (
	BackendKept    BackendAction = "keep"
	BackendAdded   BackendAction = "add"
	BackendUpdated BackendAction = "update" // gets another weight, and keeps its connections
	BackendMoved   BackendAction = "move"   // has another URL: finishes what is under way, and starts anew
	BackendRemoved BackendAction = "remove" // gets nothing new, and finishes what is under way
)

// BackendPlan is what a change would do to one backend of a pool.
type BackendPlan struct {
	Name   string        `json:"name"`
	URL    string        `json:"url"` // after the change, or of one that is removed
	Action BackendAction `json:"action"`
	// Connections open to it now, within a request and between two.
	Active int `json:"active"`
	Idle   int `json:"idle"`
}
