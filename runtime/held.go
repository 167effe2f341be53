package runtime

import (
	"context"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// openConnections counts those of the listeners, by name.
func (a *applier) openConnections() map[string]uint64 {
	open := map[string]uint64{}
	for _, m := range a.endpoints.All() {
		t := m.Totals()
		open[m.Name()] = t.Active + t.Idle
	}
	return open
}

// afterTrial applies the file that was saved during the trial.
func (a *applier) afterTrial(ctx context.Context) {
	if file := a.ledger.Release(); file != nil {
		a.take(ctx, file)
	}
}

// heldFile is the file that is held; nil if none is.
func (a *applier) heldFile() *config.Config {
	if p := a.ledger.View().Pending; p != nil {
		return p.File
	}
	return nil
}

// decide applies a held file, or leaves it unapplied until it is saved again.
func (a *applier) decide(ctx context.Context, action control.Action) (*control.Result, error) {
	file, err := a.ledger.View().Held()
	if err != nil {
		return nil, err
	}
	if action.Kind == control.AcceptHeld {
		return a.adopt(ctx, file, action.Actor, false)
	}
	message, effects, err := a.ledger.Reject(action)
	if err != nil {
		return nil, err
	}
	a.carry(effects)
	return &control.Result{Generation: a.currentRevision(), Message: message}, nil
}
