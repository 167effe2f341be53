package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
)

// Snapshot returns the present state.
func (a *App) Snapshot(ctx context.Context) (*control.Snapshot, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a.looked.Store(time.Now().UnixNano())
	return a.monitor.Snapshot(control.WatchOptions{}), nil
}

// Watch calls fn with the present state, at once and then at every interval. It
// ends with ctx, or with ErrUnavailable when the App is shut down.
func (a *App) Watch(ctx context.Context, o control.WatchOptions, fn func(*control.Snapshot)) error {
	o = o.Effective()
	tick := time.NewTicker(o.Interval)
	defer tick.Stop()
	for {
		a.looked.Store(time.Now().UnixNano())
		fn(a.monitor.Snapshot(o))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.Done():
			return &control.Error{Code: control.CodeUnavailable, Message: ErrClosed.Error()}
		case <-tick.C:
		}
	}
}

// Apply carries out a change.
func (a *App) Apply(ctx context.Context, c control.Change) (*control.Result, error) {
	was, whole := a.readToWrite(ctx, c.Persist), a.wholeConfig(c)
	ctx, unlock, err := a.lock(ctx, turn{actor: orSomebody(c.Actor), to: func(v view) *config.Config {
		to, _ := a.wanted(v, c, whole) // what is wrong with it is told when its turn has come
		return to
	}})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.onTrial(); err != nil {
		return nil, err
	}
	to, err := a.wanted(a.view(), c, whole)
	if err != nil {
		return nil, err
	}
	if err := a.startAgain(ctx, c.Patch); err != nil {
		return nil, err
	}
	p := a.planned(to)
	d := deed{to: to, trigger: control.TriggerChange, change: c, plan: p, message: p.Summary}
	if c.Persist {
		if d.last, err = a.writeBack(ctx, was, c.Patch); err != nil {
			return nil, err
		}
		if c.Confirm == 0 {
			d.message += "; written to " + a.fileName()
		} else {
			d.message += "; to be written to " + a.fileName() + " when confirmed"
		}
	}
	if c.Confirm != 0 {
		d.last = nil // the file is written when it is confirmed
		return a.try(ctx, d)
	}
	return a.enact(ctx, d)
}

// wholeConfig parses the config of a change when it is first asked for: a large one
// takes seconds, and is not parsed again while others wait.
func (a *App) wholeConfig(c control.Change) func() (*config.Config, error) {
	return sync.OnceValues(func() (*config.Config, error) {
		return parseConfig(a.view().status.Path, []byte(c.Config))
	})
}

// wanted is the config that a change asks for; whole is that of wholeConfig.
func (a *App) wanted(v view, c control.Change, whole func() (*config.Config, error)) (*config.Config, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := a.conflict(v, c); err != nil {
		return nil, err
	}
	var to *config.Config
	var err error
	switch {
	case c.Config != "":
		to, err = whole()
	case c.Persist: // what is unset goes from the file, too
		to, err = v.config.With(c.Patch)
	default:
		to, err = v.config.With(inFile(v.file, c.Patch))
	}
	if err != nil {
		return nil, invalid(err)
	}
	return to, nil
}

// inFile gives an unset its meaning: back to what the file says. What the file
// does not say is removed.
func inFile(file *config.Config, p config.Patch) config.Patch {
	out := slices.Clone(p)
	for i, e := range out {
		if value, ok := file.Get(e.Path); e.Unset && ok {
			out[i] = config.Edit{Path: e.Path, Value: value}
		}
	}
	return out
}

// invalid turns the errors of a config into one for the wire.
func invalid(err error) *control.Error {
	out := &control.Error{Code: control.CodeInvalid, Message: err.Error()}
	var all config.Errors
	if !errors.As(err, &all) {
		return out
	}
	if len(all) > 1 {
		out.Message = fmt.Sprintf("%d errors, the first: %v", len(all), all[0])
	}
	for _, e := range all {
		out.Details = append(out.Details, control.Detail{
			Path: e.Path, File: e.File, Line: e.Line, Column: e.Column, Message: e.Message, Hint: e.Hint,
		})
	}
	return out
}

func (a *App) currentRevision() uint64 {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.revision
}

// Connections lists open connections, oldest first.
func (a *App) Connections(ctx context.Context, q control.Query) (*control.Page, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	q, err := q.Effective()
	if err != nil {
		return nil, err
	}
	return a.endpoints.Connections(ctx, q)
}

// Act does what is not a state.
func (a *App) Act(ctx context.Context, action control.Action) (*control.Result, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch action.Kind {
	case control.Reload, control.Confirm, control.Rollback, control.AcceptHeld, control.RejectHeld:
		return a.actOnConfig(ctx, action)
	case control.DrainExtend, control.DrainNow:
		return a.atRevision(a.endpoints.ActOnDrain(action))
	case control.RestartWorker:
		return a.restartWorker(ctx, action)
	case control.RestartWorkers:
		return a.restartWorkers(ctx, action)
	case control.Replace:
		return a.replaceBy(ctx, action)
	case control.Shutdown:
		a.events.Add(control.Event{Level: control.LevelWarn, Actor: action.Actor, Message: events.WithReason("shutdown asked for", action.Reason)})
		id := a.endpoints.OpenReceipt(control.Receipt{Summary: "shutdown", Actor: action.Actor, Planned: forecastAll(ctx, a.endpoints.All())})
		a.lastReceipt.Store(id)
		go a.Shutdown(context.Background())
		return &control.Result{ID: id, Revision: a.currentRevision(), Message: "shutting down"}, nil
	}
	return nil, control.UnknownAction(action.Kind)
}

// actOnConfig does what changes the desired state, when its turn comes.
func (a *App) actOnConfig(ctx context.Context, action control.Action) (*control.Result, error) {
	if action.Kind == control.Reload {
		// Who reloads after replacing a certificate must not be answered while
		// the old one is still served.
		if err := a.renewAll(ctx); err != nil {
			return nil, err
		}
		return a.reload(ctx, action)
	}
	was := a.readToWrite(ctx, action.Kind == control.Confirm && a.persists())
	ctx, unlock, err := a.lock(ctx, turn{actor: orSomebody(action.Actor), to: a.actionLeadsTo(action)})
	if err != nil {
		return nil, err
	}
	defer unlock()
	switch action.Kind {
	case control.Confirm:
		return a.confirm(ctx, was, action)
	case control.Rollback:
		return a.rollback(ctx, action)
	}
	return a.decide(ctx, action)
}

// actionLeadsTo is the config that an action will make run.
func (a *App) actionLeadsTo(action control.Action) func(view) *config.Config {
	return func(v view) *config.Config {
		switch {
		case action.Kind == control.Rollback && action.Generation != 0:
			to, _ := a.generation(action.Generation)
			return to
		case action.Kind == control.Rollback && v.trial != nil:
			return v.trial.before
		}
		if file := a.heldFile(); file != nil {
			return a.fileLeadsTo(v, file)
		}
		return nil
	}
}
