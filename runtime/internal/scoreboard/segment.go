package scoreboard

import (
	"sync/atomic"
	"unsafe"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/pool"
)

// MaxCells is how many backends a process can count, removed ones included.
const MaxCells = 1024

// segment is the memory in which a process of this program counts, without the
// directory behind it. It consists of atomics only. The names of its fields are
// those of the counters, see directory.go: a field that is renamed is another
// counter to every other program, and a field may be added anywhere.
type segment struct {
	Listener listener.Counters
	Backends [MaxCells]pool.Counters
	once[atomic.Uint64, atomic.Int64]
}

// once are the numbers of a process beside those of its listener and of backends:
// words of a segment, or pointers to them.
type once[U, I any] struct {
	// Accepting is how many accept loops run.
	Accepting I
	// Alternative is where else the listener can be reached, see [Board.Announce].
	Alternative struct{ port U }
	// others is written by the master every 50 ms: what all other workers of
	// the listener count together, so that a worker can answer for all.
	others struct {
		active, idle, total, requests, refused, timedOut, bytesIn, bytesOut U
		client, canceled, server, backend                                   U // failures
	}
	// Beat is the worker's heartbeat: it counts up while the process runs and
	// its accept loop does.
	Beat U
	// Place of the process in the listener's admission, from 1; 0 for none.
	Place I
	// Drain is what becomes of the connections when the process is retired.
	Drain drain[U]
}

// drain is what a process counts of its own drain.
type drain[U any] struct {
	// Receipt is the number of the change that retires the process, and Now not
	// zero if somebody has ended the drain; both are written by the master.
	Receipt, Now U
	// open and accepted are how many connections there were when the drain began,
	// and how many had been accepted by then.
	begun, open, accepted U
	// cut were closed within a request, Moved go on in another process; done is
	// not zero when the drain is over.
	cut, Moved, done U
}

// countersSize is the size of what is counted in, behind which the directory lies.
const countersSize = int(unsafe.Sizeof(segment{}))

// Size of the memory of a process in bytes.
var Size = countersSize + len(own.raw)

// Describe writes the directory into the memory of a process that is about to start.
func Describe(memory []byte) { copy(memory[countersSize:], own.raw) }
