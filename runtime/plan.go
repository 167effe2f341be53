package runtime

import (
	"context"
	"reflect"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

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
	met := a.planView(v)
	steps, err := a.steps(met, to, a.cells.Peek)
	if err != nil {
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	inspect(ctx, steps)
	p := planOf(met, to, steps)
	if err := a.probe(ctx, p, steps, v.Running, to); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	return p, nil
}

// plan compares what runs with to, and asks no worker about it. Callers have the
// turn.
func (a *applier) plan(to *config.Config) *control.Plan {
	met := a.planView(a.ledger.View())
	steps, err := a.steps(met, to, a.cells.Peek)
	if err != nil {
		steps = nil // said again by whoever makes the change
	}
	return planOf(met, to, steps)
}

func planOf(met planView, to *config.Config, steps []step) *control.Plan {
	met.Now = time.Now()
	planned := make([]plan.Step, len(steps))
	for i, s := range steps {
		planned[i] = s.Step
	}
	return plan.Of(met.View, to, planned)
}

// planView is the state that a change meets, and who serves in it.
type planView struct {
	plan.View
	endpoints map[string]*endpoints.Endpoint
}

func (a *applier) planView(v *ledger.View) planView {
	met := planView{plan.View{
		Revision: v.Generation, Config: v.Running,
		Running: map[string]plan.Running{}, Failed: map[string]bool{}, Backends: map[string]plan.Load{},
	}, map[string]*endpoints.Endpoint{}}
	for _, m := range a.endpoints.All() {
		e := m.Endpoint()
		if e == nil {
			met.Failed[m.Name()] = m.Failure() != ""
			continue
		}
		met.Running[m.Name()], met.endpoints[m.Name()] = runningOf(e), e
	}
	for backend, c := range a.monitor.Backends() {
		met.Backends[backend] = plan.Load{Active: int(c.Active), Idle: int(c.Idle())}
	}
	return met
}

// runningOf is the endpoint as a plan sees it.
func runningOf(e *endpoints.Endpoint) plan.Running {
	r := plan.Running{Listener: e.Settings().Listener}
	e.Each(func(w prefork.Status, b *scoreboard.Board) {
		if w.State == prefork.Draining || w.State == "" && !w.DrainDeadline.IsZero() {
			return
		}
		t := b.Listener.Load()
		r.Processes = append(r.Processes, plan.Process{ID: w.ID, PID: w.PID, Load: plan.Load{Active: int(t.Active), Idle: int(t.Idle)}})
	})
	return r
}

// inspectTimeout bounds how long a plan waits for workers to list connections.
const inspectTimeout = 2 * time.Second

// inspect asks the processes that serve for what makes the plan of the steps
// better.
func inspect(ctx context.Context, steps []step) {
	for i := range steps {
		steps[i].inspect(ctx)
	}
}

func (s *step) inspect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	if s.AsksConnections() {
		s.Seen.Connections = s.managed.Connections(ctx, control.Query{})
	}
	if s.AsksOverdue() {
		late := s.managed.Overdue(ctx, s.To)
		s.Seen.Overdue = plan.Load{Active: late.Active, Idle: late.Idle}
	}
}

// step is what a change does to one listener, and what it takes to do it.
type step struct {
	plan.Step
	app     *applier
	managed *endpoints.Listener
	running *endpoints.Endpoint // that serves it now; nil if none does
	to      serving.Settings    // unless it is removed
	retired endpoints.Processes // by it
}

// steps lists what must be done to each listener, by name.
func (a *applier) steps(met planView, to *config.Config, place placing) ([]step, error) {
	wanted := map[string]serving.Settings{}
	for _, name := range sortedKeys(to.Listeners) {
		if met.LeavesAlone(to, name) {
			continue
		}
		var err error
		if wanted[name], err = a.settingsFor(to, name, place); err != nil {
			return nil, err
		}
	}
	for name, r := range met.Running {
		r.Outdated = !reflect.DeepEqual(met.endpoints[name].Settings(), wanted[name])
		met.Running[name] = r
	}
	var steps []step
	for _, s := range plan.Steps(met.View, to) {
		steps = append(steps, step{Step: s, app: a, managed: a.endpoints.Listener(s.Name), running: met.endpoints[s.Name], to: wanted[s.Name]})
	}
	return steps, nil
}
