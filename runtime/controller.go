package runtime

import (
	"context"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/steps"
)

// Snapshot returns the present state.
func (a *App) Snapshot(ctx context.Context) (*control.Snapshot, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a.watchers.look()
	return a.monitor.Snapshot(control.WatchOptions{}), nil
}

// Watch calls fn with the present state, at once and then at every interval. It
// ends with ctx, or with ErrUnavailable when the App is shut down.
func (a *App) Watch(ctx context.Context, o control.WatchOptions, fn func(*control.Snapshot)) error {
	o = o.Effective()
	tick := time.NewTicker(o.Interval)
	defer tick.Stop()
	for {
		a.watchers.look()
		fn(a.monitor.Snapshot(o))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.Done():
			return control.Fail(control.CodeUnavailable, message.ShutDown)
		case <-tick.C:
		}
	}
}

// Plan tells what a change would do. It connects to backends, binds addresses and
// reads files, which takes time: it looks at the state of one moment and keeps
// nobody from changing it.
func (a *App) Plan(ctx context.Context, c control.Change) (*control.Plan, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	v := a.ledger.View()
	to, err := v.Want(c, a.wholeConfig(c))
	if err != nil {
		return nil, err
	}
	if err := a.keys.Load(ctx, to); err != nil {
		return nil, err
	}
	p, err := a.steps.Try(ctx, v, to)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	return p, nil
}

// Apply carries out a change.
func (a *App) Apply(ctx context.Context, c control.Change) (*control.Result, error) {
	was, whole := a.readToWrite(ctx, c.Persist), a.wholeConfig(c)
	ctx, unlock, err := a.lock(ctx, turn{Turn: by(c.Actor), to: func(v *ledger.View) *config.Config {
		to, _ := v.Want(c, whole) // what is wrong with it is told when its turn has come
		return to
	}})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.ledger.View().OnTrial(); err != nil {
		return nil, err
	}
	to, err := a.ledger.View().Want(c, whole)
	if err != nil {
		return nil, err
	}
	if err := a.startAgain(ctx, c.Patch); err != nil {
		return nil, err
	}
	e := &ledger.Entry{To: to, Trigger: control.TriggerChange, Change: c, Began: time.Now()}
	var write func() error
	written := ""
	if c.Persist {
		file, writeFile, err := a.writeBack(ctx, was, c.Patch)
		if err != nil {
			return nil, err
		}
		if c.Confirm == 0 {
			e.File, write, written = file, writeFile, "; written to "+a.fileName()
		} else { // the file is written when it is confirmed
			written = "; to be written to " + a.fileName() + " when confirmed"
		}
	}
	t := a.changed(e, func(p *control.Plan) string {
		e.Text = message.Message{Code: p.Code, Args: p.Args, Text: p.Summary}
		return p.Summary + written
	})
	if t.last = write; c.Confirm != 0 {
		return a.try(ctx, t, e)
	}
	return a.change(ctx, t, e)
}

// wholeConfig parses the config of a change when it is first asked for: a large one
// takes seconds, and is not parsed again while others wait.
func (a *applier) wholeConfig(c control.Change) func() (*config.Config, error) {
	return sync.OnceValues(func() (*config.Config, error) {
		return parseConfig(a.ledger.View().Path(), []byte(c.Config))
	})
}

// currentRevision is the generation that runs.
func (a *applier) currentRevision() uint64 {
	return a.ledger.View().Generation
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
		return a.atRevision(a.upgrade.Begin(ctx, action))
	case control.Shutdown:
		a.events.Add(events.By(action.Actor, control.LevelWarn, message.New(message.ShutdownAsked), action.Reason))
		id := a.endpoints.OpenReceipt(control.Receipt{Summary: "shutdown", Actor: action.Actor, Planned: steps.Forecast(ctx, a.endpoints.All(), endpoints.EveryWorker)})
		a.lastReceipt.Store(id)
		go a.Shutdown(context.Background())
		return &control.Result{ID: id, Generation: a.currentRevision(), Message: "shutting down"}, nil
	}
	return nil, control.UnknownAction(action.Kind)
}

// actOnConfig does what changes the desired state, when its turn comes.
func (a *applier) actOnConfig(ctx context.Context, action control.Action) (*control.Result, error) {
	if action.Kind == control.Reload {
		// Who reloads after replacing a certificate must not be answered while
		// the old one is still served.
		if err := a.renewAll(ctx); err != nil {
			return nil, err
		}
		return a.reload(ctx, action)
	}
	was := a.readToWrite(ctx, action.Kind == control.Confirm && a.persists())
	ctx, unlock, err := a.lock(ctx, turn{Turn: by(action.Actor), to: a.actionLeadsTo(action)})
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
func (a *applier) actionLeadsTo(action control.Action) func(*ledger.View) *config.Config {
	return func(v *ledger.View) *config.Config {
		switch {
		case action.Kind == control.Rollback && action.Generation != 0:
			to, _ := a.wantBack(v, action)
			return to
		case action.Kind == control.Rollback && v.Trial != nil:
			return v.Before()
		}
		if file := a.heldFile(); file != nil {
			to, _ := v.FileLeadsTo(file, false)
			return to
		}
		return nil
	}
}
