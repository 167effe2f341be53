package change

import (
	"context"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/steps"
)

// reopenEvery is how often a listener is tried again that could not be opened at
// the start.
const reopenEvery = 2 * time.Second

// tellLost marks the listeners as failed that could not be opened.
func (e *Engine) tellLost(lost []steps.Lost) {
	for _, l := range lost {
		l.Fail(l.Err)
		e.events.Error(l.Name(), message.ListenerRetried, l.Err, reopenEvery)
	}
}

// reopenFailed tries to open what could not be opened at the start, until there is
// nothing left to open.
func (e *Engine) reopenFailed(ctx context.Context) {
	tick := time.NewTicker(reopenEvery)
	defer tick.Stop()
	for {
		failed := e.endpoints.Failed()
		if len(failed) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, m := range failed {
			e.reopen(ctx, m)
		}
	}
}

// reopen tries to open one. The config stays as it is.
func (e *Engine) reopen(ctx context.Context, m *endpoints.Listener) {
	ctx, unlock, err := e.lock(ctx, turn{Turn: Turn{Yields: true}, to: func(v *ledger.View) *config.Config { return v.Running }})
	if err != nil {
		return
	}
	defer unlock()
	was := m.Failure()
	if err := e.openFailed(ctx, m); err != nil && ctx.Err() == nil && err.Error() != was {
		e.events.Error(m.Name(), message.NotOpened, err)
	}
}

// startAgain opens at once those that could not be opened and that a change asks
// to be started, though they are enabled already. Callers have the turn.
func (e *Engine) startAgain(ctx context.Context, p config.Patch) error {
	for _, m := range e.endpoints.Failed() {
		asked := config.Edit{Path: "listeners." + m.Name() + ".enabled", Value: "true"}
		if !slices.Contains(p, asked) {
			continue
		}
		if err := e.openFailed(ctx, m); err != nil {
			if ctx.Err() != nil {
				return turnEnded(ctx)
			}
			return &control.Error{Code: control.CodeRefused, Message: err.Error()}
		}
	}
	return nil
}

// openFailed opens one that could not be opened. Callers have the turn.
func (e *Engine) openFailed(ctx context.Context, m *endpoints.Listener) error {
	if m.Failure() == "" || e.endpoints.Listener(m.Name()) != m {
		return nil
	}
	_, err := e.commit(ctx, transaction{to: e.ledger.View().Running, reopen: m})
	if err != nil && ctx.Err() == nil && !e.endpoints.IsClosed() {
		m.Fail(err)
	}
	return err
}
