// Package scoreboard has the numbers that outlive the process that counted them.
package scoreboard

import (
	"sync/atomic"
	"unsafe"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/pool"
)

// MaxCells is how many backends a process can count, removed ones included.
const MaxCells = 1024

// Board is what one process counts: the scoreboard. It consists of atomics only,
// so it can lie in memory that a worker shares with the master: the worker
// counts, the master reads whenever it likes, and a crashed worker's numbers are
// still there.
type Board struct {
	Listener listener.Counters
	Backends [MaxCells]pool.Counters
	// Accepting is how many accept loops run.
	Accepting atomic.Int64
	// Alternative is written by the master.
	Alternative Alternative
	// others is written by the master every 50 ms: what all other workers of
	// the listener count together, so that a worker can answer for all.
	others struct {
		active, idle, total, requests, refused, timedOut, bytesIn, bytesOut atomic.Uint64
		client, canceled, server, backend                                   atomic.Uint64 // failures
	}
	// Beat is the worker's heartbeat: it counts up while the process runs and
	// its accept loop does.
	Beat atomic.Uint64
	// Place of the process in the listener's admission, from 1; 0 for none.
	Place atomic.Int64
	// Drain is what becomes of the connections when the process is retired.
	Drain Drain
}

// Size of a board in bytes.
const Size = int(unsafe.Sizeof(Board{}))

// Over lays a board over shared memory, which the kernel hands out zeroed
// and aligned to a page.
func Over(memory []byte) *Board {
	if len(memory) < Size {
		panic("scoreboard: shared memory is smaller than the scoreboard")
	}
	return (*Board)(unsafe.Pointer(&memory[0]))
}

// Totals of the whole listener, without latencies: this process's own, and the
// others' as of the master's last look.
func (b *Board) Totals() listener.Totals {
	own := b.Listener.Load()
	return listener.Totals{
		Active: own.Active + b.others.active.Load(), Idle: own.Idle + b.others.idle.Load(),
		Accepted: own.Accepted + b.others.total.Load(),
		Requests: own.Requests + b.others.requests.Load(),
		Failures: listener.Failures{
			Client:   own.Failures.Client + b.others.client.Load(),
			Canceled: own.Failures.Canceled + b.others.canceled.Load(),
			Server:   own.Failures.Server + b.others.server.Load(),
			Backend:  own.Failures.Backend + b.others.backend.Load(),
		},
		Refused: own.Refused + b.others.refused.Load(), TimedOut: own.TimedOut + b.others.timedOut.Load(),
		BytesIn: own.BytesIn + b.others.bytesIn.Load(), BytesOut: own.BytesOut + b.others.bytesOut.Load(),
	}
}

// SetOthers notes what the other processes count, which is t without what this one
// does.
func (b *Board) SetOthers(t listener.Totals) {
	own, o := b.Listener.Load(), &b.others
	for _, n := range []struct {
		to       *atomic.Uint64
		all, own uint64
	}{
		{&o.active, t.Active, own.Active}, {&o.idle, t.Idle, own.Idle}, {&o.total, t.Accepted, own.Accepted},
		{&o.requests, t.Requests, own.Requests}, {&o.refused, t.Refused, own.Refused}, {&o.timedOut, t.TimedOut, own.TimedOut},
		{&o.client, t.Failures.Client, own.Failures.Client}, {&o.canceled, t.Failures.Canceled, own.Failures.Canceled},
		{&o.server, t.Failures.Server, own.Failures.Server}, {&o.backend, t.Failures.Backend, own.Failures.Backend},
		{&o.bytesIn, t.BytesIn, own.BytesIn}, {&o.bytesOut, t.BytesOut, own.BytesOut},
	} {
		n.to.Store(n.all - min(n.own, n.all))
	}
}
