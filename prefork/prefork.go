// Package prefork keeps a group of worker processes alive that share one
// listener. The master opens the listening sockets and keeps them; each worker
// borrows one of them, a slot. Workers may crash, be replaced, be drained: the
// sockets and what waits in their queues stay.
//
// The package knows nothing of what is served. A program that uses it asks
// [IsWorker] first thing in main; a worker calls [Connect] and [Worker.Run], a
// master makes a [Group] and calls [Group.Resize].
//
// Master and worker share one socketpair for settings, drain orders, questions
// and descriptors, and one piece of memory into which the worker counts. When
// the master dies the worker sees the end of the socketpair, finishes what it
// has begun and exits.
//
// Where each slot is a socket of its own, the master accepts what still arrives
// in one whose worker is gone, and passes the connections on. A worker that dies
// without draining takes with it what it had accepted or was passed, nothing else.
package prefork

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"time"
)

// MaxWorkers is the most workers a group can have.
const MaxWorkers = 256

// MaxPayload is the size in bytes of the largest settings, call or reply.
const MaxPayload = 16 << 20

var (
	// ErrUnsupported is returned where the system cannot hand sockets to
	// other processes.
	ErrUnsupported = errors.New("worker processes are not supported on Windows: listen without prefork")
	// ErrStopped is returned by a group after Stop.
	ErrStopped = errors.New("the group is stopped")
	// ErrNoWorker is returned when no living worker has the id or pid asked for.
	ErrNoWorker = errors.New("no such worker")
	// ErrNotWorker is returned by Connect in a process no master has started.
	ErrNotWorker = errors.New("this process was not started as a worker")
)

// Sockets are the listening sockets of one address. Those the kernel can choose
// between are numbered slots, opened when first asked for and never closed while
// the group lives.
type Sockets interface {
	// File returns a duplicate of a slot's socket, for a worker to inherit.
	File(slot int) (*os.File, error)
	// Listener returns a duplicate of a slot's socket to accept from here.
	Listener(slot int) (net.Listener, error)
	// Steer sends new connections to these slots only. It is never called
	// with none, nor by two goroutines of a group at once.
	Steer(active []int) error
	// Steering names the way connections are spread. "shared" means that all
	// slots are one and the same socket.
	Steering() string
}

// Datagrams is implemented by Sockets from which nothing is accepted, such as
// those of UDP: then nobody looks after a slot without a ready worker, and a
// slot rests between two workers. At most this many slots are used; when all are,
// one is used again before its rest is over.
type Datagrams interface {
	Datagrams() (rest time.Duration, slots int)
}

// Sharing is implemented by Sockets whose workers need a descriptor beside that
// of their slot, such as one of memory; see [Worker.Shared].
type Sharing interface {
	// Share returns a file for a worker to inherit, or nil if it needs none.
	// It is called after File.
	Share() (*os.File, error)
}

// Supported reports whether this system can hand sockets to other processes.
func Supported() bool { return supported }

// Config of a group. Sockets must be set; everything else has a default.
type Config struct {
	// Name of the listener, for messages and the workers' process titles.
	Name    string
	Sockets Sockets
	// MemorySize in bytes of the memory each worker process shares with the
	// master; 0 means none. It starts zeroed for each process.
	MemorySize int
	// Prepare writes into that memory before the process starts; nil leaves it as
	// it is.
	Prepare func(memory []byte)
	// Common is memory that all workers share; see [Worker.Common]. Nil for none.
	Common *Common
	// Settings are handed to every worker that starts, until Update brings others.
	Settings []byte
	// Command makes the command of a worker: path, arguments, environment. The
	// group adds its own variables and descriptors. Nil runs this executable
	// again without arguments.
	Command func() *exec.Cmd
	// StartTimeout is how long a worker may take to be ready; 0 means 10s.
	StartTimeout time.Duration
	// AckTimeout is how long a ready worker may take over new settings or a
	// call; 0 means 5s.
	AckTimeout time.Duration
	// DrainTimeout is how long a retired worker may take over its open
	// connections; 0 means 30s. A worker still alive two seconds later is killed.
	DrainTimeout time.Duration
	// OrphanTimeout is how long workers serve on when their master has died, for
	// another one to adopt them, see [FindOrphans]; 0, or where that is not
	// supported, they drain at once. OrphanDir is the directory for that, see [MakeOrphanDir].
	OrphanTimeout time.Duration
	OrphanDir     string
	// Room reports why the system would not let so many more processes start; a
	// worker is not started then, which counts as a failed start. Nil if there
	// is nothing to ask.
	Room func(processes int) error
	// Backoff between the starts of a worker that keeps ending.
	Backoff Backoff
	// Beat reads a worker's heartbeat from its memory: a number that is another
	// one as often as [BeatEvery] says while the worker is well. Nil means that
	// there is none, and nobody notices a worker that hangs.
	Beat func(memory []byte) uint64
	// HangTimeout is how long a worker may be without a heartbeat until it is
	// replaced; connections are steered away from it long before. 0 waits for
	// it forever.
	HangTimeout time.Duration
	// Recycle bounds the life of workers. Requests reads from a worker's memory
	// how many requests it has answered, and Resident returns how many bytes a
	// process holds; a bound whose function is nil bounds nothing.
	Recycle  Recycle
	Requests func(memory []byte) uint64
	Resident func(pid int) uint64
	// Log gets every line a worker prints, with its id and pid. Nil discards them.
	Log *slog.Logger
	// OnEvent is told what happens to the workers, one event after the other.
	// It may be slow but must not wait for the group.
	OnEvent func(Event)
	// Fold is called exactly once for each worker process, after its end and
	// before its memory goes away, so that its numbers are not lost. It never
	// runs while Each or Sample does, and must not call the group.
	Fold func(id int, memory []byte)
}

// Backoff says how long a place waits before its worker is started again after
// it ended unasked. The wait doubles each time, give or take a fifth.
type Backoff struct {
	First time.Duration // 0 means 100ms
	Most  time.Duration // 0 means 30s
	Reset time.Duration // a worker ready for so long begins anew; 0 means 30s
}

// State of a worker.
type State string

// States of a worker. Exited and Crashed are passed through quickly: they are
// seen in events, and in a status only while the last output is being read.
const (
	Starting State = "starting" // runs, but does not serve yet
	Ready    State = "ready"    // serves, and connections are steered to it
	Draining State = "draining" // gets no new connections and finishes the open ones
	Exited   State = "exited"   // ended as it was told to, or with status 0
	Crashed  State = "crashed"  // ended otherwise
	Waiting  State = "backoff"  // has no process and waits to be started again
	Hung     State = "hung"     // was ready and shows no sign of life; gets no new connections meanwhile
)

// Status of one worker. A place whose old process still drains has two.
type Status struct {
	// ID is the place, from 0. A replacement has the ID of its predecessor.
	ID int
	// Slot is the socket it accepts from, PID its process; both are -1 and 0
	// while it has none.
	Slot, PID int
	State     State
	// Started is when the process was.
	Started time.Time
	// Restarts counts the processes this place had before the present one.
	Restarts int
	// LastExit tells how the place's last process ended that was not told to:
	// "signal: killed". Empty if none did.
	LastExit string
	// LastOutput are the last lines that process printed, at most ten.
	LastOutput string
	// Crashes counts the processes of this place that ended so within the last
	// five minutes, CrashesSince is when the first of these did.
	Crashes      int
	CrashesSince time.Time
	// HungSince is when a hung worker gave its last sign of life.
	HungSince time.Time
	// DrainDeadline is when a draining worker closes what is left open.
	DrainDeadline time.Time
	// NextStart is when a worker in backoff is started again.
	NextStart time.Time
	// Generation of the settings the process has acknowledged; they count up
	// from 1 with every Update.
	Generation uint64
}

// Sample is a worker's status with the memory it shares. Memory is nil when
// there is no process.
type Sample struct {
	Status
	Memory []byte
}

// Event is something that happened to a worker.
type Event struct {
	Time time.Time
	// Level is Info for what was asked for, Warn and Error for what was not.
	Level slog.Level
	// ID and PID of the worker; -1 and 0 if it concerns the whole group.
	ID, PID int
	// State the worker is in now.
	State State
	// Message is one line for a person.
	Message string
	// Tail is the end of what a worker had printed, at most 4 KiB, if it crashed.
	Tail string
	// LastOutput are the last lines of it, fit for a terminal.
	LastOutput string
}

// defaultDrain is how long workers may drain where nothing else is said.
const defaultDrain = 30 * time.Second

// withDefaults returns c with every unset field at its default.
func (c Config) withDefaults() Config {
	c.StartTimeout = orDefault(c.StartTimeout, 10*time.Second)
	c.AckTimeout = orDefault(c.AckTimeout, 5*time.Second)
	c.DrainTimeout = orDefault(c.DrainTimeout, defaultDrain)
	c.Backoff.First = orDefault(c.Backoff.First, 100*time.Millisecond)
	c.Backoff.Most = orDefault(c.Backoff.Most, 30*time.Second)
	c.Backoff.Reset = orDefault(c.Backoff.Reset, 30*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnEvent == nil {
		c.OnEvent = func(Event) {}
	}
	if c.Fold == nil {
		c.Fold = func(int, []byte) {}
	}
	return c
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}
