package change

import (
	"context"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/steps"
)

// begun opens the receipt of a change that is decided, and puts its number on what
// it retires.
func (e *Engine) begun(r control.Receipt, plan *control.Plan, p *steps.Prepared) uint64 {
	for _, l := range plan.Listeners {
		r.Planned.Drained += l.Drained
		r.Planned.Cut += l.Cut
		if l.Action == control.ListenerUpdated {
			r.Add(l.Name, control.EndedDrained, l.Drained)
		}
	}
	id := e.endpoints.OpenReceipt(r)
	e.endpoints.SetKept(id, max(0, p.Mark(id)-r.Drained))
	return id
}

func (e *Engine) restartWorker(ctx context.Context, action control.Action) (*control.Result, error) {
	planned := steps.Forecast(ctx, []*endpoints.Listener{e.endpoints.Listener(action.Listener)}, func(id int) bool { return id == action.Worker })
	who := e.by(action.Actor)
	who.Yields = true
	ctx, unlock, err := e.lock(ctx, turn{Turn: who})
	if err != nil {
		return nil, err
	}
	defer unlock()
	result, err := e.endpoints.RestartWorker(ctx, action, planned)
	if err != nil && ctx.Err() != nil {
		return nil, turnEnded(ctx)
	}
	return e.atGeneration(result, err)
}

func (e *Engine) restartWorkers(ctx context.Context, action control.Action) (*control.Result, error) {
	r, err := e.endpoints.RestartWorkers(action)
	if err != nil {
		return nil, err
	}
	return e.atGeneration(r.Run(ctx, steps.Forecast(ctx, r.Listeners(), endpoints.EveryWorker)))
}

// atGeneration adds the generation to what was done.
func (e *Engine) atGeneration(r *control.Result, err error) (*control.Result, error) {
	if err == nil {
		r.Generation = e.generation()
	}
	return r, err
}

// ahead is a plan that was made before the turn of a change.
type ahead struct {
	to   *config.Config
	plan *control.Plan
}

// planned is the plan of the steps that are carried out: the one that was made
// before the turn, if nothing has changed since, because it knows which connections
// last; else one without that. Callers have the turn.
func (e *Engine) planned(to *config.Config, p *steps.Prepared) *control.Plan {
	if ahead := e.ahead; ahead != nil && ahead.plan.Generation == e.generation() && ahead.to.Equal(to) {
		return ahead.plan
	}
	return p.Plan(to)
}

// planAhead plans what a turn leads to, with all that takes time to find out; nil
// if that cannot be told.
func (e *Engine) planAhead(ctx context.Context, v *ledger.View, to *config.Config) *ahead {
	p, err := e.steps.PlanInDetail(ctx, v, to)
	if err != nil {
		return nil
	}
	return &ahead{to, p}
}
