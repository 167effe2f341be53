package runtime

import (
	"context"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
)

// retirees are the processes that a step is about to retire.
func (s step) retirees() endpoints.Processes {
	if s.running == nil {
		return endpoints.Processes{}
	}
	return s.running.Serving(s.Retires)
}

// begun opens the receipt of a change that is decided, and puts its number on what
// it retires.
func (a *applier) begun(r control.Receipt, p *control.Plan, steps []step) uint64 {
	for _, l := range p.Listeners {
		r.Planned.Drained += l.Drained
		r.Planned.Cut += l.Cut
		if l.Action == control.ListenerUpdated {
			r.Add(l.Name, control.EndedDrained, l.Drained)
		}
	}
	id := a.endpoints.OpenReceipt(r)
	kept := -r.Drained
	for _, s := range steps {
		if s.running != nil {
			kept += a.endpoints.Mark(id, s.running, s.retired)
		}
	}
	a.endpoints.SetKept(id, max(0, kept))
	return id
}

// forecast is what will become of the connections of such workers when they are
// replaced by others.
func forecast(ctx context.Context, m *endpoints.Listener, e *endpoints.Endpoint, which func(id int) bool) control.ReceiptPlan {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	replaced := slices.DeleteFunc(m.Connections(ctx, control.Query{}), func(c control.Connection) bool { return !which(c.Worker) })
	return plan.Replacement(e.Settings().Listener, replaced, time.Now())
}

// forecastAll is the same for all workers of some listeners.
func forecastAll(ctx context.Context, listeners []*endpoints.Listener) (p control.ReceiptPlan) {
	for _, m := range listeners {
		if e := m.Endpoint(); e != nil {
			one := forecast(ctx, m, e, endpoints.EveryWorker)
			p.Drained, p.Cut = p.Drained+one.Drained, p.Cut+one.Cut
		}
	}
	return p
}

func (a *applier) restartWorker(ctx context.Context, action control.Action) (*control.Result, error) {
	var planned control.ReceiptPlan
	m := a.endpoints.Listener(action.Listener)
	if e := m.Endpoint(); e != nil {
		planned = forecast(ctx, m, e, func(id int) bool { return id == action.Worker })
	}
	ctx, unlock, err := a.lock(ctx, turn{Turn: change.Turn{Actor: orSomebody(action.Actor), Patience: changeWait, Yields: true}})
	if err != nil {
		return nil, err
	}
	defer unlock()
	result, err := a.endpoints.RestartWorker(ctx, action, planned)
	if err != nil && ctx.Err() != nil {
		return nil, turnEnded(ctx)
	}
	return a.atRevision(result, err)
}

func (a *applier) restartWorkers(ctx context.Context, action control.Action) (*control.Result, error) {
	r, err := a.endpoints.RestartWorkers(action)
	if err != nil {
		return nil, err
	}
	return a.atRevision(r.Run(ctx, forecastAll(ctx, r.Listeners())))
}

// atRevision adds the revision to what was done.
func (a *applier) atRevision(r *control.Result, err error) (*control.Result, error) {
	if err == nil {
		r.Revision = a.currentRevision()
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
func (a *applier) planned(to *config.Config, p *prepared) *control.Plan {
	if ahead := a.ahead; ahead != nil && ahead.plan.Revision == a.currentRevision() && ahead.to.Equal(to) {
		return ahead.plan
	}
	return planOf(p.met, to, p.steps)
}

// planAhead plans what a turn leads to, with all that takes time to find out; nil
// if that cannot be told.
func (a *applier) planAhead(ctx context.Context, v *ledger.View, to *config.Config) *ahead {
	met := a.planView(v)
	steps, err := a.steps(met, to, a.cells.Peek)
	if err != nil {
		return nil
	}
	inspect(ctx, steps)
	return &ahead{to, planOf(met, to, steps)}
}
