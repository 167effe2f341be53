package runtime

import (
	"context"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
	"github.com/echterhof/rockstar-tui/runtime/internal/probe"
)

// probe tries for real what could fail when the steps are made, and returns why
// they would. What could only disappoint is returned as warnings.
func (a *applier) probe(ctx context.Context, p *control.Plan, steps []step, from, to *config.Config) error {
	for _, s := range steps {
		if err := s.check(ctx); err != nil {
			return err
		}
		if err := s.probeAddress(ctx); err != nil {
			return err
		}
	}
	p.Needs = plan.Needs(p.Listeners)
	if p.Needs.Processes > 0 {
		p.Needs.MemoryBytes = uint64(p.Needs.Processes) * probe.WorkerMemory(a.monitor.Snapshot(control.WatchOptions{}))
	}
	shortages, err := probe.Room(p.Needs)
	if err != nil {
		return err
	}
	p.Warnings = probe.Backends(ctx, from, to)
	for _, s := range steps {
		if s.to.TLS != nil && !s.Ends() {
			p.Warnings = append(p.Warnings, probe.Certificate(s.Name, s.to.TLS.Cert, time.Now())...)
		}
	}
	p.Warnings = append(p.Warnings, shortages...)
	for _, s := range steps {
		p.Warnings = append(p.Warnings, probe.Connections(s.Name, s.to.Listener)...)
	}
	return nil
}

// probeAddress binds the address of a listener that would open it.
func (s step) probeAddress(ctx context.Context) error {
	if !s.Opens() || s.app.isGiven(s.Name) {
		return nil
	}
	return s.managed.ProbeAddress(ctx, s.to)
}
