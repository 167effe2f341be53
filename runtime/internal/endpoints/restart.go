package endpoints

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// RestartWorker replaces one worker; planned is what is expected to become of its
// connections. No other change may be under way.
func (s *Set) RestartWorker(ctx context.Context, action control.Action, planned control.ReceiptPlan) (*control.Result, error) {
	e := s.Listener(action.Listener).Endpoint()
	if e == nil {
		return nil, control.Fail(control.CodeNotFound, message.NotServing, action.Listener)
	}
	n := e.Settings().Listener.Prefork.Workers
	if last := max(n, 1) - 1; action.Worker < 0 || action.Worker > last {
		return nil, control.Fail(control.CodeNotFound, message.NoWorker, action.Listener, action.Worker, last)
	}
	if n == 0 {
		return nil, control.Fail(control.CodeUnsupported, message.NoWorkers, action.Listener)
	}
	done := message.New(message.WorkerReplaced, action.Listener, action.Worker)
	id := s.OpenReceipt(control.Receipt{Summary: done.Text, Actor: action.Actor, Planned: planned})
	s.SetKept(id, s.Mark(id, e, e.Serving(func(id int) bool { return id == action.Worker })))
	err := e.workers().Restart(ctx, action.Worker)
	if err != nil {
		s.unmarkServing(id, e)
	}
	s.MarkedAll(id)
	if err != nil {
		return nil, control.Fail(control.CodeRefused, message.WorkerKept, action.Worker, err)
	}
	s.events.Add(eventOf(control.LevelInfo, action, done))
	return &control.Result{ID: id, Message: done.Text}, nil
}

// Rolling is the progress of a restart of all workers, nil while there is none.
func (e *Endpoint) Rolling() *control.Rolling {
	group := e.workers()
	if group == nil {
		return nil
	}
	p := group.Rolling()
	if p.Total == 0 {
		return nil
	}
	return &control.Rolling{Done: p.Done, Total: p.Total}
}

// workers are the group that serves, nil in process.
func (e *Endpoint) workers() *prefork.Group {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.group
}

// Restart is a restart of all workers of some listeners.
type Restart struct {
	set    *Set
	action control.Action
	fleets []fleet
}

// fleet are the workers of a listener.
type fleet struct {
	*Endpoint
	group *prefork.Group
}

// RestartWorkers finds the workers that an action is about: those of a listener, or
// of every listener that has some.
func (s *Set) RestartWorkers(action control.Action) (*Restart, error) {
	r := &Restart{set: s, action: action}
	for _, l := range s.All() {
		e := l.Endpoint()
		if e == nil || action.Listener != "" && action.Listener != l.name {
			continue
		}
		group := e.workers()
		if group == nil && action.Listener != "" {
			return nil, control.Fail(control.CodeUnsupported, message.NoWorkers, action.Listener)
		}
		if group != nil {
			r.fleets = append(r.fleets, fleet{e, group})
		}
	}
	switch {
	case len(r.fleets) > 0:
		return r, nil
	case action.Listener != "":
		return nil, control.Fail(control.CodeNotFound, message.NotServing, action.Listener)
	}
	return nil, control.Fail(control.CodeUnsupported, message.NoWorkersAtAll)
}

// Listeners whose workers are restarted.
func (r *Restart) Listeners() (all []*Listener) {
	for _, f := range r.fleets {
		all = append(all, f.owner)
	}
	return all
}

// Run replaces the workers one after the other; planned is what is expected to
// become of their connections. It does not keep other changes waiting: they come
// between two workers.
func (r *Restart) Run(ctx context.Context, planned control.ReceiptPlan) (*control.Result, error) {
	s, done := r.set, r.message()
	id := s.OpenReceipt(control.Receipt{Summary: done, Actor: r.action.Actor, Planned: planned})
	for _, f := range r.fleets {
		s.Mark(id, f.Endpoint, f.Serving(EveryWorker))
	}
	defer s.MarkedAll(id)
	for _, f := range r.fleets {
		of := control.Action{Listener: f.name, Actor: r.action.Actor, Reason: r.action.Reason}
		s.events.Add(eventOf(control.LevelInfo, of, message.New(message.WorkersRestarting)))
		if err := f.group.Roll(ctx); err != nil {
			for _, f := range r.fleets {
				s.unmarkServing(id, f.Endpoint)
			}
			return nil, f.restartFailed(ctx, err)
		}
		of.Reason = ""
		s.events.Add(eventOf(control.LevelInfo, of, message.New(message.WorkersRestarted)))
	}
	return &control.Result{ID: id, Message: done}, nil
}

// restartFailed tells of a restart that ended before its time.
func (f fleet) restartFailed(ctx context.Context, err error) error {
	f.owner.set.events.Error(f.name, message.RestartEnded, err)
	code := control.CodeRefused
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, prefork.ErrRolling):
		code = control.CodeConflict
	}
	return control.Fail(code, message.RestartFailed, f.name, err)
}

func (r *Restart) message() string {
	var parts []string
	for _, f := range r.fleets {
		parts = append(parts, fmt.Sprintf("%s: %s replaced, their connections drain", f.name, words.Count(f.group.Wanted(), "worker")))
	}
	return strings.Join(parts, "; ")
}
