package runtime

import (
	"context"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/steps"
)

// reopenEvery is how often a listener is tried again that could not be opened at
// the start.
const reopenEvery = 2 * time.Second

// tellLost marks the listeners as failed that could not be opened.
func (a *applier) tellLost(lost []steps.Lost) {
	for _, l := range lost {
		l.Fail(l.Err)
		a.events.Error(l.Name(), message.ListenerRetried, l.Err, reopenEvery)
	}
}

// reopenFailed tries to open what could not be opened at the start, until there is
// nothing left to open.
func (a *applier) reopenFailed(ctx context.Context) {
	tick := time.NewTicker(reopenEvery)
	defer tick.Stop()
	for {
		failed := a.endpoints.Failed()
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
func (a *applier) reopen(ctx context.Context, m *endpoints.Listener) {
	ctx, unlock, err := a.lock(ctx, turn{Turn: change.Turn{Yields: true}, to: func(v *ledger.View) *config.Config { return v.Running }})
	if err != nil {
		return
	}
	defer unlock()
	was := m.Failure()
	if err := a.openFailed(ctx, m); err != nil && ctx.Err() == nil && err.Error() != was {
		a.events.Error(m.Name(), message.NotOpened, err)
	}
}

// startAgain opens at once those that could not be opened and that a change asks
// to be started, though they are enabled already. Callers have the turn.
func (a *applier) startAgain(ctx context.Context, p config.Patch) error {
	for _, m := range a.endpoints.Failed() {
		asked := config.Edit{Path: "listeners." + m.Name() + ".enabled", Value: "true"}
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

// openFailed opens one that could not be opened. Callers have the turn.
func (a *applier) openFailed(ctx context.Context, m *endpoints.Listener) error {
	if m.Failure() == "" || a.endpoints.Listener(m.Name()) != m {
		return nil
	}
	_, err := a.commit(ctx, transaction{to: a.ledger.View().Running, reopen: m})
	if err != nil && ctx.Err() == nil && !a.endpoints.IsClosed() {
		m.Fail(err)
	}
	return err
}
