package runtime

import (
	"sync/atomic"
	"unsafe"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/pool"
)

// maxCells is how many backends a process can count, removed ones included.
const maxCells = 1024

// board is what one process counts: the scoreboard. It consists of atomics only,
// so it can lie in memory that a worker shares with the master: the worker
// counts, the master reads whenever it likes, and a crashed worker's numbers are
// still there.
type board struct {
	listener listener.Counters
	backends [maxCells]pool.Counters
	// accepting is how many accept loops run.
	accepting atomic.Int64
	// alternative is written by the master.
	alternative alternative
	// others is written by the master every 50 ms: what all other workers of
	// the listener count together, so that a worker can answer for all.
	others struct {
		active, idle, total, requests, refused, timedOut, bytesIn, bytesOut atomic.Uint64
		client, canceled, server, backend                                   atomic.Uint64 // failures
	}
	// beat is the worker's heartbeat: it counts up while the process runs and
	// its accept loop does.
	beat atomic.Uint64
	// place of the process in the listener's admission, from 1; 0 for none.
	place atomic.Int64
	// drain is what becomes of the connections when the process is retired.
	drain drainRecord
}

const boardSize = int(unsafe.Sizeof(board{}))

// boardOver lays a board over shared memory, which the kernel hands out zeroed
// and aligned to a page.
func boardOver(memory []byte) *board {
	if len(memory) < boardSize {
		panic("runtime: shared memory is smaller than the scoreboard")
	}
	return (*board)(unsafe.Pointer(&memory[0]))
}

// listenerCounts are the counts of the whole listener, as fresh as the master's
// last look at the other workers.
func (b *board) listenerCounts() connectionStats {
	own := b.listener.Load()
	return connectionStats{
		Active: own.Active + b.others.active.Load(),
		Idle:   own.Idle + b.others.idle.Load(),
		Total:  own.Accepted + b.others.total.Load(),
	}
}
