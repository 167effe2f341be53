package steps

import (
	"context"
	"errors"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
)

// Prepared is a change that can still be taken back.
type Prepared struct {
	// Lost are the listeners whose addresses could not be had, if that is allowed.
	Lost []Lost

	endpoints    *endpoints.Set
	met          view // the state before
	steps        []step
	undo, retire []func()
}

// Lost is a listener that could not be opened, and why.
type Lost struct {
	*endpoints.Listener
	Err error
}

// Prepare does what can fail of a change to another config. An error has taken back
// what was done. With lenient, listeners may fail whose addresses cannot be had,
// unless all do.
func (m *Maker) Prepare(ctx context.Context, v *ledger.View, to *config.Config, lenient bool) (*Prepared, error) {
	met := m.view(v)
	all, err := m.steps(met, to, m.Cells.Place)
	if err != nil {
		return nil, err
	}
	return m.prepare(ctx, met, all, lenient)
}

// PrepareOne does what can fail to open a listener of the config that runs, which
// could not be opened before.
func (m *Maker) PrepareOne(ctx context.Context, running *config.Config, l *endpoints.Listener) (*Prepared, error) {
	name := l.Name()
	to, err := m.Settings(running, name, m.Cells.Place)
	if err != nil {
		return nil, err
	}
	start := plan.Step{Name: name, Action: control.ListenerStarted, To: running.Listeners[name]}
	return m.prepare(ctx, view{}, []step{{Step: start, maker: m, listener: l, to: to}}, false)
}

func (m *Maker) prepare(ctx context.Context, met view, all []step, lenient bool) (*Prepared, error) {
	p := &Prepared{endpoints: m.Endpoints, met: met, steps: all}
	for i, s := range all {
		if err := s.check(ctx); err != nil {
			return nil, err
		}
		if s.running != nil {
			all[i].retired = s.running.Serving(s.Retires)
		}
	}
	for _, s := range all {
		undo, retire, err := s.prepare(ctx)
		if lenient && endpoints.IsBindError(err) {
			p.Lost = append(p.Lost, Lost{s.listener, err})
			continue
		}
		if err != nil {
			p.Back()
			return nil, err
		}
		p.undo, p.retire = append(p.undo, undo), append(p.retire, retire)
	}
	if len(p.Lost) > 0 && len(p.undo) == 0 {
		var errs []error
		for _, l := range p.Lost {
			errs = append(errs, l.Err)
		}
		p.Back()
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// prepare does what can fail. It returns how to take it back, and what is to be
// retired when the change is decided.
func (s step) prepare(ctx context.Context) (undo, retire func(), err error) {
	switch {
	case s.Ends():
		return func() {}, s.listener.Stop, nil
	case s.Opens():
		return s.listener.Open(ctx, s.to)
	default:
		return s.running.Change(ctx, s.to)
	}
}

// Plan of what was prepared, for a config that it was prepared for as a whole.
func (p *Prepared) Plan(to *config.Config) *control.Plan { return planOf(p.met, to, p.steps) }

// Back takes everything back, in reverse.
func (p *Prepared) Back() {
	for i := len(p.undo) - 1; i >= 0; i-- {
		p.undo[i]()
	}
	if p.endpoints.IsClosed() { // who ended the runtime has not waited, and may have missed what came back just now
		for _, s := range p.steps {
			s.listener.End()
		}
	}
}

// Commit makes known what listeners there are, and how they are configured. It
// reports false, and does nothing, if the runtime has begun to end.
func (p *Prepared) Commit(to *config.Config) bool {
	used := make([]*endpoints.Listener, len(p.steps))
	for i, s := range p.steps {
		used[i] = s.listener
	}
	return p.endpoints.Commit(to.Listeners, used)
}

// Mark puts the number of a receipt on what will be retired, and counts the
// connections of what stays.
func (p *Prepared) Mark(receipt uint64) (kept int) {
	for _, s := range p.steps {
		if s.running != nil {
			kept += p.endpoints.Mark(receipt, s.running, s.retired)
		}
	}
	return kept
}

// Retire begins the drains of what the change replaces.
func (p *Prepared) Retire() {
	for _, f := range p.retire {
		f()
	}
}
