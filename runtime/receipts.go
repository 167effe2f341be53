package runtime

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// keptReceipts is how many receipts are kept that are closed.
const keptReceipts = 20

// receipts of changes. Each process that a change retires has its number on the
// scoreboard, and is counted when it is gone, and meanwhile by who looks.
type receipts struct {
	mu   sync.Mutex
	last uint64
	all  []*receipt // oldest first
}

// receipt is one, without what the processes count that still drain.
type receipt struct {
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
	r.all = append(r.all, &receipt{Receipt: c})
	closed := 0
	for _, one := range slices.Backward(r.all) {
		if one.Closed {
			closed++
		}
	}
	r.all = slices.DeleteFunc(r.all, func(one *receipt) bool {
		old := one.Closed && closed > keptReceipts
		if old {
			closed--
		}
		return old
	})
	return r.last
}

// find needs mu.
func (r *receipts) find(id uint64) *receipt {
	for _, one := range slices.Backward(r.all) {
		if one.ID == id {
			return one
		}
	}
	return nil
}

// update changes a receipt that is not closed, and returns it if that closes it.
func (r *receipts) update(id uint64, f func(*receipt)) *control.Receipt {
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
func (c *receipt) add(listener string, d scoreboard.Drained) {
	c.Add(listener, control.EndedDrained, d.Ended)
	c.Add(listener, control.EndedMoved, d.Moved)
	c.Add(listener, d.Cause, d.Cut)
}

// clone is one that a snapshot can have.
func (c *receipt) clone() *receipt {
	out := *c
	out.Ended = slices.Clone(c.Ended)
	return &out
}

// mark puts the number of a receipt on a process that is about to be retired.
func (a *App) mark(id uint64, b *scoreboard.Board) {
	if b.Drain.Receipt.CompareAndSwap(0, id) {
		a.receipts.update(id, func(r *receipt) { r.Pending++ })
	}
}

// unmark takes it off again: the process stays.
func (a *App) unmark(id uint64, b *scoreboard.Board) {
	if b.Drain.Receipt.CompareAndSwap(id, 0) {
		a.tellClosed(a.receipts.update(id, func(r *receipt) { r.Pending-- }))
	}
}

// markedAll says that no more processes will be marked.
func (a *App) markedAll(id uint64) {
	a.tellClosed(a.receipts.update(id, func(r *receipt) { r.All = true }))
}

// settle counts a process that is gone, and makes an event of connections that
// ended with it.
func (a *App) settle(m *managed, b *scoreboard.Board) {
	d := b.Drained(true)
	if d.Cut > 0 {
		a.events.Warnf(m.name, "%s", (&control.Receipt{Cut: d.Cut,
			Ended: []control.Ended{{Listener: m.name, Cause: d.Cause, Connections: d.Cut}}}).String())
	}
	if id := b.Drain.Receipt.Load(); id != 0 {
		a.tellClosed(a.receipts.update(id, func(r *receipt) {
			r.Pending--
			r.add(m.name, d)
		}))
	}
}

// tellClosed makes an event of a receipt that is closed now; nil if none is.
func (a *App) tellClosed(c *control.Receipt) {
	if c == nil || c.Drained+c.Cut+c.Moved == 0 {
		return
	}
	e := control.Event{Level: control.LevelInfo, Actor: c.Actor, Message: c.Summary + ": " + c.String()}
	if !c.AsPlanned() {
		e.Level = control.LevelWarn
	}
	a.events.Add(e)
}

// receiptList is what a snapshot shows.
func (a *App) receiptList() []control.Receipt {
	all := map[uint64]*receipt{}
	var order []uint64
	a.receipts.mu.Lock()
	for _, one := range a.receipts.all {
		all[one.ID], order = one.clone(), append(order, one.ID)
	}
	a.receipts.mu.Unlock()
	a.eachMarked(func(m *managed, w prefork.Status, b *scoreboard.Board) {
		r := all[b.Drain.Receipt.Load()]
		if r == nil || r.Closed {
			return
		}
		d := b.Drained(false)
		r.add(m.name, d)
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

// eachMarked calls f for every process that a change retires.
func (a *App) eachMarked(f func(*managed, prefork.Status, *scoreboard.Board)) {
	for _, m := range a.sortedListeners() {
		for _, e := range m.endpoints() {
			e.each(func(w prefork.Status, b *scoreboard.Board) {
				if b.Drain.Receipt.Load() != 0 {
					f(m, w, b)
				}
			})
		}
	}
}

// closeLost closes receipts whose processes are gone without a word, as with a
// program that was replaced.
func (a *App) closeLost() {
	there := map[uint64]bool{}
	a.eachMarked(func(_ *managed, _ prefork.Status, b *scoreboard.Board) { there[b.Drain.Receipt.Load()] = true })
	a.receipts.mu.Lock()
	var lost []uint64
	for _, one := range a.receipts.all {
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
	a.receipts.mu.Unlock()
	for _, id := range lost {
		a.tellClosed(a.receipts.update(id, func(r *receipt) { r.Pending = 0 }))
	}
}

// describe is what there is to carry to another program.
func (r *receipts) describe() (last uint64, all []*receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		all = append(all, one.clone())
	}
	return r.last, all
}

// processes that a step retires.
type processes struct {
	pids   map[int]bool
	boards map[*scoreboard.Board]bool // of services in this process
}

func (p processes) has(w prefork.Status, b *scoreboard.Board) bool {
	return p.pids[w.PID] || p.boards[b]
}

// retirees are the processes that a step is about to retire.
func (s step) retirees() processes {
	if s.running == nil {
		return processes{}
	}
	return s.running.serving(s.Retires)
}

func everyWorker(int) bool { return true }

// serving are the processes that serve: this one, and the workers with such ids.
func (e *endpoint) serving(which func(id int) bool) processes {
	p := processes{pids: map[int]bool{}, boards: map[*scoreboard.Board]bool{}}
	e.mu.Lock()
	if e.local != nil && which(0) {
		p.boards[e.local.Board()] = true
	}
	e.mu.Unlock()
	e.each(func(w prefork.Status, _ *scoreboard.Board) {
		if w.PID > 0 && w.State != prefork.Draining && which(w.ID) {
			p.pids[w.PID] = true
		}
	})
	return p
}

// begun opens the receipt of a change that is decided, and puts its number on
// what it retires. It returns 0 if nobody is to be told.
func (a *App) begun(d deed, steps []step, changes []config.Change) uint64 {
	if d.plan == nil || len(changes) == 0 {
		return 0
	}
	r := control.Receipt{Summary: d.message, Actor: d.change.Actor}
	for _, l := range d.plan.Listeners {
		r.Planned.Drained += l.Drained
		r.Planned.Cut += l.Cut
		if l.Action == control.ListenerUpdated {
			r.Add(l.Name, control.EndedDrained, l.Drained)
		}
	}
	id := a.receipts.open(r)
	kept := -r.Drained
	for _, s := range steps {
		if s.running != nil {
			kept += a.markSome(id, s.running, s.retired)
		}
	}
	a.receipts.update(id, func(r *receipt) { r.Kept = max(0, kept) })
	return id
}

// markSome marks processes of an endpoint, and counts the connections of those
// that stay.
func (a *App) markSome(id uint64, e *endpoint, some processes) (kept int) {
	e.each(func(w prefork.Status, b *scoreboard.Board) {
		switch {
		case some.has(w, b):
			a.mark(id, b)
		case w.State != prefork.Draining && b.Drain.Receipt.Load() == 0:
			kept += int(b.Listener.Active.Load() + b.Listener.Idle.Load())
		}
	})
	return kept
}

// unmarkServing takes the number of a receipt off the processes that serve on.
func (a *App) unmarkServing(id uint64, e *endpoint) {
	some := e.serving(everyWorker)
	e.each(func(w prefork.Status, b *scoreboard.Board) {
		if some.has(w, b) {
			a.unmark(id, b)
		}
	})
}

// unmarkAll does so with all listeners.
func (a *App) unmarkAll(id uint64) {
	for _, m := range a.sortedListeners() {
		if e := m.endpoint(); e != nil {
			a.unmarkServing(id, e)
		}
	}
}

// forecast is what will become of the connections of such workers when they are
// replaced by others.
func (m *managed) forecast(ctx context.Context, e *endpoint, which func(id int) bool) control.ReceiptPlan {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	replaced := slices.DeleteFunc(m.connections(ctx, control.Query{}), func(c control.Connection) bool { return !which(c.Worker) })
	return plan.Replacement(e.current().Listener, replaced, time.Now())
}

// forecastAll is the same for all that serve.
func (a *App) forecastAll(ctx context.Context) (p control.ReceiptPlan) {
	for _, m := range a.sortedListeners() {
		if e := m.endpoint(); e != nil {
			one := m.forecast(ctx, e, everyWorker)
			p.Drained, p.Cut = p.Drained+one.Drained, p.Cut+one.Cut
		}
	}
	return p
}

// ahead is a plan that was made before the turn of a change.
type ahead struct {
	to   *config.Config
	plan *control.Plan
}

// planned is the plan of what is about to be done: the one that was made before
// the turn, if nothing has changed since, because it knows which connections
// last; else one without that. Callers hold changeMu.
func (a *App) planned(to *config.Config) *control.Plan {
	if p := a.ahead; p != nil && p.plan.Revision == a.currentRevision() && p.to.Equal(to) {
		return p.plan
	}
	return a.plan(to)
}

// planAhead plans what a turn leads to, with all that takes time to find out; nil
// if that cannot be told.
func (a *App) planAhead(ctx context.Context, v view, to *config.Config) *ahead {
	met := a.planView(v)
	steps, err := a.steps(met, to, a.cells.Peek)
	if err != nil {
		return nil
	}
	inspect(ctx, steps)
	return &ahead{to, planOf(met, to, steps)}
}
