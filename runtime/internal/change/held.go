package change

import (
	"context"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// openConnections counts those of the listeners, by name.
func (e *Engine) openConnections() map[string]uint64 {
	open := map[string]uint64{}
	for _, m := range e.endpoints.All() {
		t := m.Totals()
		open[m.Name()] = t.Active + t.Idle
	}
	return open
}

// afterTrial applies the file that was saved during the trial.
func (e *Engine) afterTrial(ctx context.Context) {
	if file := e.ledger.Release(); file != nil {
		e.take(ctx, file)
	}
}

// heldFile is the file that is held; nil if none is.
func (e *Engine) heldFile() *config.Config {
	if p := e.ledger.View().Pending; p != nil {
		return p.File
	}
	return nil
}

// decide applies a held file, or leaves it unapplied until it is saved again.
func (e *Engine) decide(ctx context.Context, action control.Action) (*control.Result, error) {
	file, err := e.ledger.View().Held()
	if err != nil {
		return nil, err
	}
	if action.Kind == control.AcceptHeld {
		return e.adopt(ctx, file, action.Actor, false)
	}
	message, effects, err := e.ledger.Reject(action)
	if err != nil {
		return nil, err
	}
	e.carry(effects)
	return &control.Result{Generation: e.generation(), Message: message}, nil
}
