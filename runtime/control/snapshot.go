package control

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Snapshot is the whole state of a runtime at one moment. Counters only grow
// while the runtime lives; whoever looks computes rates from two snapshots.
type Snapshot struct {
	// Time the numbers are of.
	Time      time.Time `json:"time"`
	Version   string    `json:"version"`
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"started_at"`
	// Generation grows with every change of the desired state.
	Generation uint64 `json:"revision"`
	// Role of the one who asks: "admin" or "viewer".
	Role      string         `json:"role"`
	Config    ConfigStatus   `json:"config"`
	Listeners []ListenerInfo `json:"listeners"` // by name
	Pools     []PoolInfo     `json:"pools"`     // by name
	// Problems are what a person should look at, the gravest first; never nil.
	Problems []Problem `json:"problems"`
	// Upgrade under way, or the last one; nil if there was none.
	Upgrade *Upgrade `json:"upgrade,omitempty"`
	// Receipts of changes: all that are not closed, and the newest that are; the
	// newest last.
	Receipts []Receipt `json:"receipts,omitempty"`
	// Events are the newest last, at most 100.
	Events []Event `json:"events"`
}

// States of a config.
const (
	ConfigInSync     = "in_sync"    // what runs is what the file says
	ConfigOverridden = "overridden" // an operator changed something since
	ConfigRefused    = "refused"    // the file on disk is not valid; the last good one runs
	ConfigPending    = "pending"    // the file on disk is being applied
)

// ConfigStatus tells how what runs relates to the file.
type ConfigStatus struct {
	// Path is empty when there is no file, as in the demo.
	Path  string `json:"path"`
	State string `json:"state"`
	// Error is why the file is refused, nil otherwise.
	Error    *Error    `json:"error"`
	LoadedAt time.Time `json:"loaded_at"`
	// Overrides are what differs from the file, as paths.
	Overrides []string `json:"overrides,omitempty"`
	// Edits are the same with who, why and since when.
	Edits []Override `json:"edits,omitempty"`
	// Trial under way, nil if none is.
	Trial *Trial `json:"trial,omitempty"`
	// Held is a change of the file that is not applied yet, nil if there is none.
	Held *Held `json:"held,omitempty"`
	// Generation of the history that runs.
	Generation uint64 `json:"generation,omitempty"`
	// Fallback is the generation that was started with because the file was not
	// good; 0 otherwise. Error then tells why, until the file is good.
	Fallback uint64 `json:"fallback,omitempty"`
}

// States of a listener.
const (
	StateServing  = "serving"
	StateStopped  = "stopped"
	StateStarting = "starting"
	StateDraining = "draining"
	StateDegraded = "degraded" // fewer workers ready than wanted
	StateFailed   = "failed"
)

// ListenerInfo is one listener.
type ListenerInfo struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	// Address as bound, so a port 0 of the config is the real port here.
	Address string `json:"address"`
	State   string `json:"state"`
	// Reason of a degraded or failed state, one line.
	Reason        string `json:"reason,omitempty"`
	Enabled       bool   `json:"enabled"`
	WorkersWanted int    `json:"workers_wanted"`
	WorkersReady  int    `json:"workers_ready"`
	// Prefork is false when the listener is served in the master process,
	// which then is its one worker.
	Prefork bool `json:"prefork"`
	// Steering is how new connections are spread over workers, and
	// SteeringReason why that is not what was asked for, one line.
	Steering       string       `json:"steering"`
	SteeringReason string       `json:"steering_reason,omitempty"`
	Workers        []WorkerInfo `json:"workers"`
	// Rolling is how far a restart of all workers has come; nil while there is none.
	Rolling     *Rolling         `json:"rolling,omitempty"`
	Connections ConnectionCounts `json:"connections"`
	Requests    uint64           `json:"requests"`
	// Errors are the failures that were not the client's: Failures.Server and
	// Failures.Backend.
	Errors   uint64   `json:"errors"`
	Failures Failures `json:"failures"`
	BytesIn  uint64   `json:"bytes_in"`
	BytesOut uint64   `json:"bytes_out"`
	// Latency of the last ten seconds, from a request's end of header to the end of its response.
	Latency  Latency  `json:"latency_ms"`
	Timeouts Timeouts `json:"timeouts"`
	Limits   Limits   `json:"limits"`
	// History has a point per second, oldest first, if the watcher asked for it.
	History []Point `json:"history,omitempty"`
}

// Failures are requests that failed, each counted once, by whose fault it was.
type Failures struct {
	Client   uint64 `json:"client"`   // malformed, too large, too slow, or not taking the response
	Canceled uint64 `json:"canceled"` // left before the response was complete
	Server   uint64 `json:"server"`   // a status of 500 or more, a panic, a response that broke off
	Backend  uint64 `json:"backend"`  // a backend that failed, as behind a 502
}

// Rolling is the progress of a restart of all workers, one after the other.
type Rolling struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// ConnectionCounts of a listener. Open connections are Active + Idle.
type ConnectionCounts struct {
	Active uint64 `json:"active"` // within a request
	Idle   uint64 `json:"idle"`   // before the first or between two requests
	Total  uint64 `json:"total"`  // ever accepted
	// Refused were over a limit, TimedOut overstayed a timeout.
	Refused  uint64 `json:"refused"`
	TimedOut uint64 `json:"timed_out"`
}

// Latency percentiles in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// Timeouts in effect, as Go durations; "0s" means none.
type Timeouts struct {
	Read       string `json:"read"`
	ReadHeader string `json:"read_header"`
	Write      string `json:"write"`
	Request    string `json:"request"`
	Response   string `json:"response"`
	Idle       string `json:"idle"`
	Shutdown   string `json:"shutdown"`
}

// Limits in effect; 0 means none.
type Limits struct {
	MaxConnections  int   `json:"max_connections"`
	MaxHeaderBytes  int64 `json:"max_header_bytes"`
	MaxRequestBytes int64 `json:"max_request_bytes"`
	AcceptRate      int   `json:"accept_rate"`
	// MinRate that ends clients which trickle.
	MinRate MinRate `json:"min_rate"`
}

// MinRate is how fast clients must be at least, in bytes per second over the
// time of Grace, a Go duration. A rate of 0 means no limit.
type MinRate struct {
	Rate  int64  `json:"rate"`
	Grace string `json:"grace"`
}

// Point is one second of a listener's past.
type Point struct {
	Requests    uint32 `json:"r"` // in that second
	Errors      uint32 `json:"e"` // in that second
	Connections uint32 `json:"c"` // open at its end
}

// States of a worker.
const (
	WorkerStarting = "starting"
	WorkerReady    = "ready"
	WorkerDraining = "draining"
	WorkerExited   = "exited"
	WorkerCrashed  = "crashed"
	WorkerBackoff  = "backoff" // waits before it is started again
	WorkerHung     = "hung"    // shows no sign of life, gets no new connections, and is replaced soon
)

// WorkerInfo is one process that serves a listener.
type WorkerInfo struct {
	// ID is the worker's place, 0 to WorkersWanted-1. A replacement takes the
	// ID of its predecessor, which may still be draining.
	ID        int       `json:"id"`
	PID       int       `json:"pid"` // 0 while there is no process
	State     string    `json:"state"`
	StartedAt time.Time `json:"started_at"`
	Restarts  int       `json:"restarts"`
	// LastExit says how the predecessor ended, if it crashed: "signal: killed".
	LastExit string `json:"last_exit,omitempty"`
	// LastOutput are the last lines the predecessor printed, at most ten.
	LastOutput string `json:"last_output,omitempty"`
	// Crashes counts how many processes of this place ended unasked within the
	// last five minutes, the first of them at CrashesSince.
	Crashes      int        `json:"crashes,omitempty"`
	CrashesSince *time.Time `json:"crashes_since,omitempty"`
	// HungSince is when a hung worker gave its last sign of life.
	HungSince   *time.Time   `json:"hung_since,omitempty"`
	Connections WorkerCounts `json:"connections"`
	Requests    uint64       `json:"requests"`
	Errors      uint64       `json:"errors"` // as those of the listener
	Failures    Failures     `json:"failures"`
	// CPUSeconds the process has used, MemoryBytes it holds resident.
	CPUSeconds  float64 `json:"cpu_seconds"`
	MemoryBytes uint64  `json:"memory_bytes"`
	// DrainDeadline is when a draining worker closes what is left.
	DrainDeadline *time.Time `json:"drain_deadline,omitempty"`
}

// WorkerCounts are a worker's connections.
type WorkerCounts struct {
	Active uint64 `json:"active"`
	Idle   uint64 `json:"idle"`
	Total  uint64 `json:"total"`
}

// PoolInfo is one pool, all processes together.
type PoolInfo struct {
	Name     string        `json:"name"`
	Balance  string        `json:"balance"`
	Stats    PoolStats     `json:"stats"`
	Backends []BackendInfo `json:"backends"` // by name
}

// PoolStats of a pool's connections.
type PoolStats struct {
	Total     uint64 `json:"total_connections"` // open
	Active    uint64 `json:"active_connections"`
	Idle      uint64 `json:"idle_connections"`
	WaitCount uint64 `json:"wait_count"` // requests that had to wait for a connection
	// WaitDurationMS is how long they waited, all together.
	WaitDurationMS uint64 `json:"wait_duration_ms"`
}

// States of a backend.
const (
	BackendUp      = "up"
	BackendDown    = "down"    // recent connects failed
	BackendUnknown = "unknown" // nothing was sent to it yet
)

// BackendInfo is one server of a pool.
type BackendInfo struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Weight int    `json:"weight"`
	State  string `json:"state"`
	// DownIn counts the processes that cannot reach it: each finds out by itself.
	DownIn      int           `json:"down_in,omitempty"`
	Connections BackendCounts `json:"connections"`
	Requests    uint64        `json:"requests"`
	Errors      uint64        `json:"errors"`
	LastError   *BackendError `json:"last_error,omitempty"` // nil if there was none
}

// BackendError is what a backend failed of.
type BackendError struct {
	// Kind is "refused", "no_address", "unreachable", "no_connection", "own_limit",
	// "closed", "timeout", "malformed", "header_too_large", "broken_off" or
	// "status", which is an answer with a status of 500 and above.
	Kind    string    `json:"kind"`
	Message string    `json:"message"` // the kind as half a sentence about the backend
	At      time.Time `json:"at"`
}

// BackendCounts are the connections open to a backend.
type BackendCounts struct {
	Active uint64 `json:"active"`
	Idle   uint64 `json:"idle"`
}

// Levels of an event.
const (
	LevelInfo  = "info"
	LevelWarn  = "warn"
	LevelError = "error"
)

// Event is something that happened.
type Event struct {
	// Seq grows by one with every event.
	Seq      uint64    `json:"seq"`
	Time     time.Time `json:"time"`
	Level    string    `json:"level"`
	Listener string    `json:"listener,omitempty"`
	Worker   *int      `json:"worker,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	// Message is one line, Code and Args are what it is made of; without a code it
	// comes from a process or the system.
	Message string       `json:"message"`
	Code    message.Code `json:"code,omitempty"`
	Args    message.Args `json:"args,omitempty"`
}

// NewEvent is an event that says m, because of the reason that somebody gave; most
// have none.
func NewEvent(level string, m message.Message, reason string) Event {
	m = message.Because(m, reason)
	return Event{Level: level, Message: m.Text, Code: m.Code, Args: m.Args}
}

// Text is what the event says, for a message that has it as an argument.
func (e Event) Text() message.Message {
	return message.Message{Code: e.Code, Args: e.Args, Text: e.Message}
}
