package runtime

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// actOnDrain gives drains that are under way more time, or none. It waits for no
// change: a shutdown is one.
func (a *App) actOnDrain(action control.Action) (*control.Result, error) {
	if err := action.CheckDrain(); err != nil {
		return nil, err
	}
	if action.Listener != "" && !a.knows(action.Listener) {
		return nil, &control.Error{Code: control.CodeNotFound, Message: fmt.Sprintf("there is no listener %q", action.Listener)}
	}
	n, id := 0, uint64(0)
	for _, m := range a.sortedListeners() {
		if action.Listener == "" || action.Listener == m.name {
			id = max(id, a.meet(m, action))
			n += m.redrain(action)
		}
	}
	if n == 0 {
		return nil, action.NothingDrains()
	}
	message := action.DrainDone(n)
	a.events.Add(control.Event{Level: control.LevelWarn, Listener: action.Listener, Actor: action.Actor, Message: said(message, action.Reason)})
	return &control.Result{ID: id, Revision: a.currentRevision(), Message: message}, nil
}

// meet finds the newest receipt that an action on drains is about. Who ends a
// drain names what is cut.
func (a *App) meet(m *managed, action control.Action) (id uint64) {
	for _, e := range m.endpoints() {
		e.each(func(w prefork.Status, b *scoreboard.Board) {
			of := b.Drain.Receipt.Load()
			if w.DrainDeadline.IsZero() || !action.All && w.ID != action.Worker {
				return
			}
			if id = max(id, of); action.Kind == control.DrainNow && b.Drain.Now.Swap(1) == 0 {
				left := int(b.Listener.Active.Load() + b.Listener.Idle.Load())
				a.receipts.update(of, func(r *receipt) { r.Planned.Cut += left })
			}
		})
	}
	return id
}

// redrain counts the processes it reached.
func (m *managed) redrain(action control.Action) (n int) {
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
	for _, e := range m.endpoints() {
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
