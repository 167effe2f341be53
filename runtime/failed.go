package runtime

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
)

// reopenEvery is how often a listener is tried again that could not be opened at
// the start.
const reopenEvery = 2 * time.Second

// bindError is a failure to get an address.
type bindError struct{ err error }

func (e *bindError) Error() string { return e.err.Error() }
func (e *bindError) Unwrap() error { return e.err }

func isBindError(err error) bool {
	var b *bindError
	return errors.As(err, &b)
}

// lostStep is a listener that could not be opened, and why.
type lostStep struct {
	step
	err error
}

type lostSteps []lostStep

// error of all of them.
func (l lostSteps) error() error {
	var errs []error
	for _, one := range l {
		errs = append(errs, one.err)
	}
	return errors.Join(errs...)
}

// tell marks them as failed.
func (l lostSteps) tell(a *App) {
	for _, one := range l {
		one.managed.fail(one.err)
		a.events.Errorf(one.Name, "%v; the others serve, and it is tried again every %s", one.err, reopenEvery)
	}
}

// fail marks a listener as one that could not be opened.
func (m *managed) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = err.Error()
}

// failure is why it could not be opened; empty if it could, or is not wanted.
func (m *managed) failure() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

// failedListeners are those that could not be opened.
func (a *App) failedListeners() (out []*managed) {
	for _, m := range a.sortedListeners() {
		if m.failure() != "" {
			out = append(out, m)
		}
	}
	return out
}

// reopenFailed tries to open what could not be opened at the start, until there is
// nothing left to open.
func (a *App) reopenFailed(ctx context.Context) {
	tick := time.NewTicker(reopenEvery)
	defer tick.Stop()
	for {
		failed := a.failedListeners()
		if len(failed) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, m := range failed {
			a.reopen(ctx, m)
		}
	}
}

// reopen tries to open one. The config stays as it is.
func (a *App) reopen(ctx context.Context, m *managed) {
	ctx, unlock, err := a.lock(ctx, turn{yields: true, to: func(v view) *config.Config { return v.config }})
	if err != nil {
		return
	}
	defer unlock()
	was := m.failure()
	if err := a.openFailed(ctx, m); err != nil && ctx.Err() == nil && err.Error() != was {
		a.events.Errorf(m.name, "%v", err)
	}
}

// startAgain opens at once those that could not be opened and that a change asks
// to be started, though they are enabled already. Callers hold changeMu.
func (a *App) startAgain(ctx context.Context, p config.Patch) error {
	for _, m := range a.failedListeners() {
		asked := config.Edit{Path: "listeners." + m.name + ".enabled", Value: "true"}
		if !slices.Contains(p, asked) {
			continue
		}
		if err := a.openFailed(ctx, m); err != nil {
			if ctx.Err() != nil {
				return turnEnded(ctx)
			}
			return &control.Error{Code: control.CodeRefused, Message: err.Error()}
		}
	}
	return nil
}

// openFailed opens one that could not be opened. Callers hold changeMu.
func (a *App) openFailed(ctx context.Context, m *managed) (err error) {
	if m.failure() == "" || !slices.Contains(a.sortedListeners(), m) {
		return nil
	}
	s := step{Step: plan.Step{Name: m.name, Action: control.ListenerStarted, To: a.config.Listeners[m.name]}, app: a, managed: m}
	if s.to, err = a.settingsFor(a.config, m.name, a.cells.Place); err == nil {
		err = s.check(ctx)
	}
	var undo, retire func()
	if err == nil {
		undo, retire, err = s.prepare(ctx)
	}
	switch {
	case err != nil:
		if ctx.Err() == nil {
			m.fail(err)
		}
		return err
	case a.isClosed():
		undo()
		return ErrClosed
	}
	a.keys.Use(a.usedCerts(), a.trial != nil)
	retire()
	a.announce()
	return nil
}
