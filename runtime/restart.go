package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (a *App) restartWorker(ctx context.Context, action control.Action) (*control.Result, error) {
	m := a.managed(action.Listener)
	only := func(id int) bool { return id == action.Worker }
	var planned control.ReceiptPlan
	if e := m.endpoint(); e != nil {
		planned = m.forecast(ctx, e, only)
	}
	ctx, unlock, err := a.lock(ctx, turn{actor: orSomebody(action.Actor), yields: true})
	if err != nil {
		return nil, err
	}
	defer unlock()
	e := m.endpoint()
	if e == nil {
		return nil, &control.Error{Code: control.CodeNotFound, Message: fmt.Sprintf("no listener %q is serving", action.Listener)}
	}
	n := e.current().Listener.Prefork.Workers
	if last := max(n, 1) - 1; action.Worker < 0 || action.Worker > last {
		return nil, &control.Error{Code: control.CodeNotFound,
			Message: fmt.Sprintf("listener %s has no worker %d, its last one is %d", action.Listener, action.Worker, last)}
	}
	if n == 0 {
		return nil, &control.Error{Code: control.CodeUnsupported,
			Message: fmt.Sprintf("listener %s has no worker processes, it is served by the master", action.Listener)}
	}
	message := fmt.Sprintf("%s: worker %d replaced, its connections drain", action.Listener, action.Worker)
	id := a.receipts.open(control.Receipt{Summary: message, Actor: action.Actor, Planned: planned})
	kept := a.markSome(id, e, e.serving(only))
	err = e.group.Restart(ctx, action.Worker)
	if err != nil {
		a.unmarkServing(id, e)
	}
	a.receipts.update(id, func(r *receipt) { r.Kept = kept })
	a.markedAll(id)
	if err != nil {
		if ctx.Err() != nil {
			return nil, turnEnded(ctx)
		}
		return nil, &control.Error{Code: control.CodeRefused, Message: fmt.Sprintf("worker %d keeps running: %v", action.Worker, err)}
	}
	a.events.Add(control.Event{Level: control.LevelInfo, Listener: action.Listener, Actor: action.Actor, Message: said(message, action.Reason)})
	return &control.Result{ID: id, Revision: a.currentRevision(), Message: message}, nil
}

// rolling is the progress of a restart of all workers, nil while there is none.
func (e *endpoint) rolling() *control.Rolling {
	e.mu.Lock()
	group := e.group
	e.mu.Unlock()
	if group == nil {
		return nil
	}
	p := group.Rolling()
	if p.Total == 0 {
		return nil
	}
	return &control.Rolling{Done: p.Done, Total: p.Total}
}

// restartWorkers replaces all workers of a listener, or of every listener that
// has some. It does not keep other changes waiting: they come between two
// workers.
func (a *App) restartWorkers(ctx context.Context, action control.Action) (*control.Result, error) {
	fleets, err := a.fleets(action.Listener)
	if err != nil {
		return nil, err
	}
	id := a.openRoll(ctx, action, fleets)
	defer a.markedAll(id)
	why := control.Event{Level: control.LevelInfo, Actor: action.Actor}
	for _, f := range fleets {
		why.Listener, why.Message = f.name, said("restart of all workers, one after the other", action.Reason)
		a.events.Add(why)
		if err := f.group.Roll(ctx); err != nil {
			for _, f := range fleets {
				a.unmarkServing(id, f.endpoint)
			}
			return nil, a.rollFailed(ctx, f.name, err)
		}
		why.Message = "all workers are restarted"
		a.events.Add(why)
	}
	return &control.Result{ID: id, Revision: a.currentRevision(), Message: rollMessage(fleets)}, nil
}

// openRoll opens the receipt of a restart of all workers.
func (a *App) openRoll(ctx context.Context, action control.Action, fleets []fleet) uint64 {
	r := control.Receipt{Summary: rollMessage(fleets), Actor: action.Actor}
	for _, f := range fleets {
		p := a.managed(f.name).forecast(ctx, f.endpoint, everyWorker)
		r.Planned.Drained, r.Planned.Cut = r.Planned.Drained+p.Drained, r.Planned.Cut+p.Cut
	}
	id := a.receipts.open(r)
	for _, f := range fleets {
		a.markSome(id, f.endpoint, f.endpoint.serving(everyWorker))
	}
	return id
}

// fleet are the workers of a listener.
type fleet struct {
	name     string
	endpoint *endpoint
	group    *prefork.Group
}

// fleets are those of one listener, or all there are.
func (a *App) fleets(listener string) ([]fleet, error) {
	var all []fleet
	for _, m := range a.sortedListeners() {
		e := m.endpoint()
		if e == nil || listener != "" && listener != m.name {
			continue
		}
		e.mu.Lock()
		group := e.group
		e.mu.Unlock()
		if group == nil && listener != "" {
			return nil, &control.Error{Code: control.CodeUnsupported,
				Message: fmt.Sprintf("listener %s has no worker processes, it is served by the master", listener)}
		}
		if group != nil {
			all = append(all, fleet{m.name, e, group})
		}
	}
	switch {
	case len(all) > 0:
		return all, nil
	case listener != "":
		return nil, &control.Error{Code: control.CodeNotFound, Message: fmt.Sprintf("no listener %q is serving", listener)}
	}
	return nil, &control.Error{Code: control.CodeUnsupported, Message: "no listener has worker processes: all are served by the master"}
}

// rollFailed tells of a restart that ended before its time.
func (a *App) rollFailed(ctx context.Context, listener string, err error) error {
	a.events.Errorf(listener, "restart of all workers ended early: %v", err)
	code := control.CodeRefused
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, prefork.ErrRolling):
		code = control.CodeConflict
	}
	return &control.Error{Code: code, Message: fmt.Sprintf("%s: %v", listener, err)}
}

func rollMessage(fleets []fleet) string {
	var parts []string
	for _, f := range fleets {
		parts = append(parts, fmt.Sprintf("%s: %s replaced, their connections drain", f.name, words.Count(f.group.Wanted(), "worker")))
	}
	return strings.Join(parts, "; ")
}
