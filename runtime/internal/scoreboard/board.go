// Package scoreboard has the numbers that outlive the process that counted them.
//
// A process counts into a segment of memory that it shares with its master: with
// plain atomics, at fixed places, without a call or a message. The master reads
// whenever it likes, and a crashed process's numbers are still there. Master and
// process are not always of the same version, after an upgrade or the end of another
// master; so a segment names its counters, and a [Board] finds them by their names.
package scoreboard

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/pool"
)

// Board is what one process counts: the scoreboard. The process itself has one that
// lies over its segment; another one's board points to the same words, wherever its
// program has put them. It may be used for as long as the memory is mapped.
type Board struct {
	// Listener and Backends are for the process itself to count in. On a board of
	// another program's process Listener is a copy of the moment when the board was
	// made, and Backends is nil.
	Listener *listener.Counters
	Backends *[MaxCells]pool.Counters
	once[*atomic.Uint64, *atomic.Int64]

	memory    []byte
	directory *directory
}

// New is the board of this process, in memory of its own.
func New() *Board {
	return over(unsafe.Slice((*byte)(unsafe.Pointer(new(segment))), countersSize), own)
}

// Own is the board of a process over the memory that its master has given it. Both
// are of one program, and count in the same places.
func Own(memory []byte) (*Board, error) {
	d, err := directoryIn(memory)
	if err == nil && d != own {
		err = errors.New("it was made by another program")
	}
	if err != nil {
		return nil, fmt.Errorf("the memory shared with the master: %w", err)
	}
	return over(memory, own), nil
}

// Over is the board of a process whose memory this is, of whatever program. If it
// cannot be understood, all numbers are zero and what is written is lost.
func Over(memory []byte) *Board {
	d, err := directoryIn(memory)
	if err != nil {
		return New()
	}
	return over(memory, d)
}

func over(memory []byte, d *directory) *Board {
	b := &Board{memory: memory, directory: d}
	words := (*[onceWords]unsafe.Pointer)(unsafe.Pointer(&b.once))
	for i, offset := range d.words {
		if offset < 0 {
			words[i] = unsafe.Pointer(new(uint64))
			continue
		}
		words[i] = unsafe.Pointer(&memory[offset])
	}
	if d.alike {
		s := (*segment)(unsafe.Pointer(&memory[0]))
		b.Listener, b.Backends = &s.Listener, &s.Backends
		return b
	}
	s := new(listener.Counters)
	for _, p := range d.listener {
		for i := range min(p.own.count, p.theirs.count) {
			to := (*atomic.Uint64)(unsafe.Add(unsafe.Pointer(s), p.own.at(i)-listenerOffset))
			to.Store(b.load(p.theirs, i))
		}
	}
	b.Listener = s
	return b
}

const listenerOffset = int(unsafe.Offsetof(segment{}.Listener))

// load reads one word of a counter.
func (b *Board) load(c counter, i int) uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&b.memory[c.at(i)])).Load()
}

// Backend is what the process has counted in a cell.
func (b *Board) Backend(cell int) pool.Totals {
	if b.Backends != nil {
		return b.Backends[cell].Load()
	}
	var c pool.Counters
	for _, p := range b.directory.backends {
		if cell < p.theirs.count {
			to := (*atomic.Uint64)(unsafe.Add(unsafe.Pointer(&c), p.own.offset-backendsOffset))
			to.Store(b.load(p.theirs, cell))
		}
	}
	return c.Load()
}

const backendsOffset = int(unsafe.Offsetof(segment{}.Backends))

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
		{o.active, t.Active, own.Active}, {o.idle, t.Idle, own.Idle}, {o.total, t.Accepted, own.Accepted},
		{o.requests, t.Requests, own.Requests}, {o.refused, t.Refused, own.Refused}, {o.timedOut, t.TimedOut, own.TimedOut},
		{o.client, t.Failures.Client, own.Failures.Client}, {o.canceled, t.Failures.Canceled, own.Failures.Canceled},
		{o.server, t.Failures.Server, own.Failures.Server}, {o.backend, t.Failures.Backend, own.Failures.Backend},
		{o.bytesIn, t.BytesIn, own.BytesIn}, {o.bytesOut, t.BytesOut, own.BytesOut},
	} {
		n.to.Store(n.all - min(n.own, n.all))
	}
}
