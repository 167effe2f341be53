package endpoints

import (
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// ActOnDrain gives drains that are under way more time, or none. It waits for no
// change: a shutdown is one.
func (s *Set) ActOnDrain(action control.Action) (*control.Result, error) {
	if err := action.CheckDrain(); err != nil {
		return nil, err
	}
	if action.Listener != "" && !s.Has(action.Listener) {
		return nil, control.Fail(control.CodeNotFound, message.NoListener, action.Listener)
	}
	n, id := 0, uint64(0)
	for _, l := range s.All() {
		if action.Listener == "" || action.Listener == l.name {
			id = max(id, l.drainReceipt(action))
			n += l.moveDeadlines(action)
		}
	}
	if n == 0 {
		return nil, action.NothingDrains()
	}
	done := action.DrainDone(n)
	s.events.Add(eventOf(control.LevelWarn, action, done))
	return &control.Result{ID: id, Message: done.Text}, nil
}

// eventOf is an event of what an action has done.
func eventOf(level string, a control.Action, done message.Message) control.Event {
	e := control.NewEvent(level, done, a.Reason)
	e.Listener, e.Actor = a.Listener, a.Actor
	return e
}

// drainReceipt finds the newest receipt that an action on drains is about. Who ends
// a drain names what is cut.
func (l *Listener) drainReceipt(action control.Action) (id uint64) {
	for _, e := range l.endpoints() {
		e.Each(func(w prefork.Status, b *scoreboard.Board) {
			of := b.Drain.Receipt.Load()
			if w.DrainDeadline.IsZero() || !action.All && w.ID != action.Worker {
				return
			}
			if id = max(id, of); action.Kind == control.DrainNow && b.Drain.Now.Swap(1) == 0 {
				left := int(b.Listener.Active.Load() + b.Listener.Idle.Load())
				l.set.receipts.update(of, func(r *Receipt) { r.Planned.Cut += left })
			}
		})
	}
	return id
}

// moveDeadlines counts the processes whose drain it reached.
func (l *Listener) moveDeadlines(action control.Action) (n int) {
	id, more := action.Worker, time.Duration(action.By)
	if action.All {
		id = -1
	}
	local := func(s *serving.Service) bool { return s.ExtendDrain(more) }
	group := func(g *prefork.Group) int { return g.ExtendDrain(id, more) }
	if action.Kind == control.DrainNow {
		local = (*serving.Service).EndDrain
		group = func(g *prefork.Group) int { return g.EndDrain(id) }
	}
	for _, e := range l.endpoints() {
		locals, groups := e.servers()
		for _, s := range locals {
			if id <= 0 && local(s) {
				n++
			}
		}
		for _, g := range groups {
			n += group(g)
		}
	}
	return n
}
