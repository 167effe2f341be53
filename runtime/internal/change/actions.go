package change

import (
	"context"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// Act runs a one-off operation: all actions but those that end the process or
// replace its program.
func (e *Engine) Act(ctx context.Context, action control.Action) (*control.Result, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch action.Kind {
	case control.Reload, control.Confirm, control.Rollback, control.AcceptHeld, control.RejectHeld:
		return e.actOnConfig(ctx, action)
	case control.DrainExtend, control.DrainNow:
		return e.atGeneration(e.endpoints.ActOnDrain(action))
	case control.RestartWorker:
		return e.restartWorker(ctx, action)
	case control.RestartWorkers:
		return e.restartWorkers(ctx, action)
	}
	return nil, control.UnknownAction(action.Kind)
}

// actOnConfig does what changes the desired state, when its turn comes.
func (e *Engine) actOnConfig(ctx context.Context, action control.Action) (*control.Result, error) {
	if action.Kind == control.Reload {
		// Who reloads after replacing a certificate must not be answered while
		// the old one is still served.
		if err := e.renewAll(ctx, e.by(action.Actor)); err != nil {
			return nil, err
		}
		return e.reload(ctx, action)
	}
	was := e.readToWrite(ctx, action.Kind == control.Confirm && e.persists())
	ctx, unlock, err := e.lock(ctx, turn{Turn: e.by(action.Actor), to: e.actionLeadsTo(action)})
	if err != nil {
		return nil, err
	}
	defer unlock()
	switch action.Kind {
	case control.Confirm:
		return e.confirm(ctx, was, action)
	case control.Rollback:
		return e.rollback(ctx, action)
	}
	return e.decide(ctx, action)
}

// actionLeadsTo is the config that an action will make run.
func (e *Engine) actionLeadsTo(action control.Action) func(*ledger.View) *config.Config {
	return func(v *ledger.View) *config.Config {
		switch {
		case action.Kind == control.Rollback && action.Generation != 0:
			to, _ := e.wantBack(v, action)
			return to
		case action.Kind == control.Rollback && v.Trial != nil:
			return v.Before()
		}
		if file := e.heldFile(); file != nil {
			to, _ := v.FileLeadsTo(file, false)
			return to
		}
		return nil
	}
}
