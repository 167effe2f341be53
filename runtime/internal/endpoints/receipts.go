package endpoints

import (
	"slices"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// keptReceipts is how many receipts are kept that are closed.
const keptReceipts = 20

// receipts of changes. Each process that a change retires has its number on the
// scoreboard, and is counted when it is gone, and meanwhile by who looks.
type receipts struct {
	mu   sync.Mutex
	last uint64
	all  []*Receipt // oldest first
}

// Receipt is one, without what the processes count that still drain.
type Receipt struct {
	control.Receipt
	// Pending is how many processes of it are not gone yet. All is true when it
	// is known which those are.
	Pending int  `json:"pending"`
	All     bool `json:"all"`
	// lost counts the looks at which none of its processes was there.
	lost int
}

// open begins a receipt and returns its number.
func (r *receipts) open(c control.Receipt) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	c.ID, c.Since = r.last, time.Now()
	r.all = append(r.all, &Receipt{Receipt: c})
	closed := 0
	for _, one := range slices.Backward(r.all) {
		if one.Closed {
			closed++
		}
	}
	r.all = slices.DeleteFunc(r.all, func(one *Receipt) bool {
		old := one.Closed && closed > keptReceipts
		if old {
			closed--
		}
		return old
	})
	return r.last
}

// find needs mu.
func (r *receipts) find(id uint64) *Receipt {
	for _, one := range slices.Backward(r.all) {
		if one.ID == id {
			return one
		}
	}
	return nil
}

// update changes a receipt that is not closed, and returns it if that closes it.
func (r *receipts) update(id uint64, f func(*Receipt)) *control.Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.find(id)
	if one == nil || one.Closed {
		return nil
	}
	f(one)
	if !one.All || one.Pending > 0 {
		return nil
	}
	one.Closed = true
	c := one.Receipt
	return &c
}

// add counts what became of a process's connections.
func (c *Receipt) add(listener string, d scoreboard.Drained) {
	c.Add(listener, control.EndedDrained, d.Ended)
	c.Add(listener, control.EndedMoved, d.Moved)
	c.Add(listener, d.Cause, d.Cut)
}

// clone is one that a snapshot can have.
func (c *Receipt) clone() *Receipt {
	out := *c
	out.Ended = slices.Clone(c.Ended)
	return &out
}

// OpenReceipt begins the receipt of a change and returns its number.
func (s *Set) OpenReceipt(c control.Receipt) uint64 { return s.receipts.open(c) }

// SetKept notes on a receipt how many connections the change keeps.
func (s *Set) SetKept(id uint64, kept int) {
	s.receipts.update(id, func(r *Receipt) { r.Kept = kept })
}

// mark puts the number of a receipt on a process that is about to be retired.
func (s *Set) mark(id uint64, b *scoreboard.Board) {
	if b.Drain.Receipt.CompareAndSwap(0, id) {
		s.receipts.update(id, func(r *Receipt) { r.Pending++ })
	}
}

// unmark takes it off again: the process stays.
func (s *Set) unmark(id uint64, b *scoreboard.Board) {
	if b.Drain.Receipt.CompareAndSwap(id, 0) {
		s.tellClosed(s.receipts.update(id, func(r *Receipt) { r.Pending-- }))
	}
}

// MarkedAll says that no more processes will be marked.
func (s *Set) MarkedAll(id uint64) {
	s.tellClosed(s.receipts.update(id, func(r *Receipt) { r.All = true }))
}

// cutTexts say why connections were cut.
var cutTexts = map[string]message.Code{
	control.EndedDeadline: message.CutAtDeadline, control.EndedNow: message.CutByDrainNow, control.EndedCrash: message.CutByProcessEnd,
}

// settle counts a process that is gone, and makes an event of connections that
// ended with it.
func (s *Set) settle(l *Listener, b *scoreboard.Board) {
	d := b.Drained(true)
	if d.Cut > 0 {
		s.events.Warn(l.name, message.ConnectionsCut, d.Cut, message.New(cutTexts[d.Cause]))
	}
	if id := b.Drain.Receipt.Load(); id != 0 {
		s.tellClosed(s.receipts.update(id, func(r *Receipt) {
			r.Pending--
			r.add(l.name, d)
		}))
	}
}

// tellClosed makes an event of a receipt that is closed now; nil if none is.
func (s *Set) tellClosed(c *control.Receipt) {
	if c == nil || c.Drained+c.Cut+c.Moved == 0 {
		return
	}
	e := control.NewEvent(control.LevelInfo, message.New(message.ReceiptClosed, c.Summary, c), "")
	e.Actor = c.Actor
	if !c.AsPlanned() {
		e.Level = control.LevelWarn
	}
	s.events.Add(e)
}

// Receipts of the changes that are under way and of the last ones.
func (s *Set) Receipts() []control.Receipt {
	all := map[uint64]*Receipt{}
	var order []uint64
	s.receipts.mu.Lock()
	for _, one := range s.receipts.all {
		all[one.ID], order = one.clone(), append(order, one.ID)
	}
	s.receipts.mu.Unlock()
	s.Each(func(l *Listener, w prefork.Status, b *scoreboard.Board) {
		r := all[b.Drain.Receipt.Load()]
		if r == nil || r.Closed {
			return
		}
		d := b.Drained(false)
		r.add(l.name, d)
		r.Open += d.Open
		if until := w.DrainDeadline; !until.IsZero() && (r.Until == nil || until.After(*r.Until)) {
			r.Until = &until
		}
	})
	var out []control.Receipt
	for _, id := range order {
		out = append(out, all[id].Receipt)
	}
	return out
}

// closeLost closes receipts whose processes are gone without a word, as with a
// program that was replaced.
func (s *Set) closeLost() {
	there := map[uint64]bool{}
	s.Each(func(_ *Listener, _ prefork.Status, b *scoreboard.Board) { there[b.Drain.Receipt.Load()] = true })
	s.receipts.mu.Lock()
	var lost []uint64
	for _, one := range s.receipts.all {
		switch {
		case one.Closed || !one.All:
		case there[one.ID]:
			one.lost = 0
		default:
			if one.lost++; one.lost > 3 {
				lost = append(lost, one.ID)
			}
		}
	}
	s.receipts.mu.Unlock()
	for _, id := range lost {
		s.tellClosed(s.receipts.update(id, func(r *Receipt) { r.Pending = 0 }))
	}
}

// state is what there is to carry to another program.
func (r *receipts) state() (last uint64, all []*Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		all = append(all, one.clone())
	}
	return r.last, all
}

// restore goes on with the state of another program.
func (r *receipts) restore(last uint64, all []*Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.all = last, all
}

// Processes that a step retires.
type Processes struct {
	pids   map[int]bool
	boards map[*scoreboard.Board]bool // of services in this process
}

func (p Processes) has(w prefork.Status, b *scoreboard.Board) bool {
	return p.pids[w.PID] || p.boards[b]
}

// EveryWorker is for [Endpoint.Serving].
func EveryWorker(int) bool { return true }

// Serving are the processes that serve: this one, and the workers with such ids.
func (e *Endpoint) Serving(which func(id int) bool) Processes {
	p := Processes{pids: map[int]bool{}, boards: map[*scoreboard.Board]bool{}}
	e.mu.Lock()
	if e.local != nil && which(0) {
		p.boards[e.local.Board()] = true
	}
	e.mu.Unlock()
	e.Each(func(w prefork.Status, _ *scoreboard.Board) {
		if w.PID > 0 && w.State != prefork.Draining && which(w.ID) {
			p.pids[w.PID] = true
		}
	})
	return p
}

// Mark marks processes of an endpoint, and counts the connections of those
// that stay.
func (s *Set) Mark(id uint64, e *Endpoint, some Processes) (kept int) {
	e.Each(func(w prefork.Status, b *scoreboard.Board) {
		switch {
		case some.has(w, b):
			s.mark(id, b)
		case w.State != prefork.Draining && b.Drain.Receipt.Load() == 0:
			kept += int(b.Listener.Active.Load() + b.Listener.Idle.Load())
		}
	})
	return kept
}

// unmarkServing takes the number of a receipt off the processes that serve on.
func (s *Set) unmarkServing(id uint64, e *Endpoint) {
	some := e.Serving(EveryWorker)
	e.Each(func(w prefork.Status, b *scoreboard.Board) {
		if some.has(w, b) {
			s.unmark(id, b)
		}
	})
}

// UnmarkAll does so with all listeners.
func (s *Set) UnmarkAll(id uint64) {
	for _, l := range s.All() {
		if e := l.Endpoint(); e != nil {
			s.unmarkServing(id, e)
		}
	}
}
