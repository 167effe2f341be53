// Package steps has what a change does to the listeners, for real: it finds the
// steps, plans them, tries what could fail, and prepares them.
//
// What a step is package plan decides, from values alone. A [Maker] describes the
// present for it, asks the workers what makes a plan better, and has probe try the
// rest: so a plan and the change that follows it are about the same steps.
//
// A change is carried out in two halves. [Maker.Prepare] does all that can fail:
// addresses are bound, workers started, settings accepted by all of them, beside what
// serves. What it returns is either taken back, and leaves no trace, or put into
// effect by [Prepared.Commit], which cannot fail unless the runtime has begun to end; then
// [Prepared.Retire] begins the drains of what was replaced. When that is done, in which
// order with the history and the files of the state, is up to the caller, who makes one
// change at a time. Plans may be made at any time.
package steps

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

// Maker makes the steps of changes. All of its fields are needed.
type Maker struct {
	Endpoints    *endpoints.Set
	Cells        *scoreboard.Cells
	Certificates *certs.Store
	Monitor      *monitor.Monitor
	// Files bound the waits for directories that are served.
	Files *slowdisk.Files
	Log   *slog.Logger
	// Program gives what Go code has for a listener; nil if it is one of the config
	// alone. IsGiven reports whether that code made its sockets itself.
	Program func(listener string) serving.Program
	IsGiven func(listener string) bool
}

// step is what a change does to one listener, and what it takes to do it.
type step struct {
	plan.Step
	maker    *Maker
	listener *endpoints.Listener
	running  *endpoints.Endpoint // that serves it now; nil if none does
	to       serving.Settings    // unless it is removed
	retired  endpoints.Processes // by it
}

// view is the state that a change meets, and who serves in it.
type view struct {
	plan.View
	endpoints map[string]*endpoints.Endpoint
}

func (m *Maker) view(v *ledger.View) view {
	met := view{plan.View{
		Generation: v.Generation, Config: v.Running,
		Running: map[string]plan.Running{}, Failed: map[string]bool{}, Backends: map[string]plan.Load{},
	}, map[string]*endpoints.Endpoint{}}
	for _, l := range m.Endpoints.All() {
		e := l.Endpoint()
		if e == nil {
			met.Failed[l.Name()] = l.Failure() != ""
			continue
		}
		met.Running[l.Name()], met.endpoints[l.Name()] = runningOf(e), e
	}
	for backend, c := range m.Monitor.Backends() {
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

// steps lists what must be done to each listener, by name.
func (m *Maker) steps(met view, to *config.Config, place Placing) ([]step, error) {
	wanted := map[string]serving.Settings{}
	for _, name := range slices.Sorted(maps.Keys(to.Listeners)) {
		if met.LeavesAlone(to, name) {
			continue
		}
		var err error
		if wanted[name], err = m.Settings(to, name, place); err != nil {
			return nil, err
		}
	}
	for name, r := range met.Running {
		r.Outdated = !reflect.DeepEqual(met.endpoints[name].Settings(), wanted[name])
		met.Running[name] = r
	}
	var all []step
	for _, s := range plan.Steps(met.View, to) {
		all = append(all, step{Step: s, maker: m, listener: m.Endpoints.Listener(s.Name), running: met.endpoints[s.Name], to: wanted[s.Name]})
	}
	return all, nil
}

// Plan compares what runs with another config. It asks no worker and tries nothing.
func (m *Maker) Plan(v *ledger.View, to *config.Config) *control.Plan {
	met := m.view(v)
	all, err := m.steps(met, to, m.Cells.Peek)
	if err != nil {
		all = nil // said again by whoever makes the change
	}
	return planOf(met, to, all)
}

// PlanInDetail also asks the workers which connections last. It takes up to a few
// seconds.
func (m *Maker) PlanInDetail(ctx context.Context, v *ledger.View, to *config.Config) (*control.Plan, error) {
	met := m.view(v)
	all, err := m.inspected(ctx, met, to)
	if err != nil {
		return nil, err
	}
	return planOf(met, to, all), nil
}

func planOf(met view, to *config.Config, all []step) *control.Plan {
	met.Now = time.Now()
	planned := make([]plan.Step, len(all))
	for i, s := range all {
		planned[i] = s.Step
	}
	return plan.Of(met.View, to, planned)
}

// inspectTimeout bounds how long a plan waits for workers to list connections.
const inspectTimeout = 2 * time.Second

// inspected are the steps with what the processes that serve tell of them.
func (m *Maker) inspected(ctx context.Context, met view, to *config.Config) ([]step, error) {
	all, err := m.steps(met, to, m.Cells.Peek)
	for i := range all {
		all[i].inspect(ctx)
	}
	return all, err
}

func (s *step) inspect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	if s.AsksConnections() {
		s.Seen.Connections = s.listener.Connections(ctx, control.Query{})
	}
	if s.AsksOverdue() {
		late := s.listener.Overdue(ctx, s.To)
		s.Seen.Overdue = plan.Load{Active: late.Active, Idle: late.Idle}
	}
}

// Forecast is what will become of the connections of some listeners' workers when
// they are replaced by others: of those whose id which accepts.
func Forecast(ctx context.Context, listeners []*endpoints.Listener, which func(id int) bool) (p control.ReceiptPlan) {
	for _, l := range listeners {
		e := l.Endpoint()
		if e == nil {
			continue
		}
		one := forecast(ctx, l, e, which)
		p.Drained, p.Cut = p.Drained+one.Drained, p.Cut+one.Cut
	}
	return p
}

func forecast(ctx context.Context, l *endpoints.Listener, e *endpoints.Endpoint, which func(id int) bool) control.ReceiptPlan {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	replaced := slices.DeleteFunc(l.Connections(ctx, control.Query{}), func(c control.Connection) bool { return !which(c.Worker) })
	return plan.Replacement(e.Settings().Listener, replaced, time.Now())
}
