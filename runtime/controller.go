package runtime

import (
	"context"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
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
	return a.engine.Plan(ctx, c)
}

// Apply carries out a change.
func (a *App) Apply(ctx context.Context, c control.Change) (*control.Result, error) {
	return a.engine.Apply(ctx, c)
}

// Reload reads the config file again and makes it what runs. What was changed by
// hand stays changed, except where the file changed too. An error leaves everything
// as it was, and stays in the status until the file is good again.
func (a *App) Reload(ctx context.Context) (*control.Result, error) {
	return a.Act(ctx, control.Action{Kind: control.Reload})
}

// History lists what was put into effect or refused, newest first.
func (a *App) History(ctx context.Context, q control.HistoryQuery) ([]control.Generation, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return a.engine.History(q)
}

// Act runs a one-off operation.
func (a *App) Act(ctx context.Context, action control.Action) (*control.Result, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch action.Kind {
	case control.Replace:
		result, err := a.upgrade.Begin(ctx, action)
		if err == nil {
			result.Generation = a.engine.View().Generation
		}
		return result, err
	case control.Shutdown:
		a.events.Add(events.By(action.Actor, control.LevelWarn, message.New(message.ShutdownAsked), action.Reason))
		id := a.endpoints.OpenReceipt(control.Receipt{Summary: "shutdown", Actor: action.Actor, Planned: a.engine.Forecast(ctx)})
		a.lastReceipt.Store(id)
		go a.Shutdown(context.Background())
		return &control.Result{ID: id, Generation: a.engine.View().Generation, Message: "shutting down"}, nil
	}
	return a.engine.Act(ctx, action)
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

// Read hands out what is too much for a snapshot.
func (a *App) Read(ctx context.Context, q control.ReadQuery) (control.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	if q.Listener != "" && !a.endpoints.Has(q.Listener) {
		return nil, control.Fail(control.CodeNotFound, message.NoListener, q.Listener)
	}
	source := func(after uint64, limit int) ([]control.Record, <-chan struct{}, error) {
		found, more := a.events.After(q.Listener, after, limit)
		return found, more, nil
	}
	if q.Kind == control.ReadSeries {
		source = func(after uint64, limit int) ([]control.Record, <-chan struct{}, error) {
			found, more := a.monitor.Points(q.Listener, after, limit)
			return found, more, nil
		}
	}
	return control.NewStream(ctx, q, a.Done(), source), nil
}

// desired is what should run, for those who look.
func (a *App) desired() monitor.Desired {
	v := a.engine.View()
	return monitor.Desired{Generation: v.Generation, Config: v.Running, Status: v.Status(), Upgrade: a.upgrade.Status()}
}

// facts are what the monitor does not see by itself.
func (a *App) facts() (f problems.Facts) {
	f.StateMissing, f.StateError, f.StateSince = a.engine.StateTrouble()
	f.NoAdoption = a.noOrphanDir
	f.LogDropped, f.LogDroppedAt = a.logQueue.Lost()
	return f
}
