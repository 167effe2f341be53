package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (a *App) restartWorker(ctx context.Context, action control.Action) (*control.Result, error) {
	ctx, unlock, err := a.lock(ctx, turn{actor: orSomebody(action.Actor), yields: true})
	if err != nil {
		return nil, err
	}
	defer unlock()
	e := a.managed(action.Listener).endpoint()
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
	if err := e.group.Restart(ctx, action.Worker); err != nil {
		if ctx.Err() != nil {
			return nil, turnEnded(ctx)
		}
		return nil, &control.Error{Code: control.CodeRefused, Message: fmt.Sprintf("worker %d keeps running: %v", action.Worker, err)}
	}
	message := fmt.Sprintf("%s: worker %d replaced, its connections drain", action.Listener, action.Worker)
	a.events.add(control.Event{Level: control.LevelInfo, Listener: action.Listener, Actor: action.Actor, Message: said(message, action.Reason)})
	return &control.Result{Revision: a.currentRevision(), Message: message}, nil
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
	why := control.Event{Level: control.LevelInfo, Actor: action.Actor}
	for _, f := range fleets {
		why.Listener, why.Message = f.name, said("restart of all workers, one after the other", action.Reason)
		a.events.add(why)
		if err := f.group.Roll(ctx); err != nil {
			return nil, a.rollFailed(ctx, f.name, err)
		}
		why.Message = "all workers are restarted"
		a.events.add(why)
	}
	return &control.Result{Revision: a.currentRevision(), Message: rollMessage(fleets)}, nil
}

// fleet are the workers of a listener.
type fleet struct {
	name  string
	group *prefork.Group
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
			all = append(all, fleet{m.name, group})
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
	a.events.errorf(listener, "restart of all workers ended early: %v", err)
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
		parts = append(parts, fmt.Sprintf("%s: %s replaced, their connections drain", f.name, plural(f.group.Wanted(), "worker")))
	}
	return strings.Join(parts, "; ")
}
