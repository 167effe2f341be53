package steps

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
	"github.com/echterhof/rockstar-tui/runtime/internal/probe"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

// Try plans in detail, and tries for real what could fail when the change is made:
// an error is why it would. What could only disappoint is a warning of the plan.
// It takes seconds.
func (m *Maker) Try(ctx context.Context, v *ledger.View, to *config.Config) (*control.Plan, error) {
	met := m.view(v)
	all, err := m.inspected(ctx, met, to)
	if err != nil {
		return nil, err
	}
	p := planOf(met, to, all)
	for _, s := range all {
		if err := s.check(ctx); err != nil {
			return nil, err
		}
		if err := s.probeAddress(ctx); err != nil {
			return nil, err
		}
	}
	p.Needs = plan.Needs(p.Listeners)
	if p.Needs.Processes > 0 {
		p.Needs.MemoryBytes = uint64(p.Needs.Processes) * probe.WorkerMemory(m.Monitor.Snapshot(control.WatchOptions{}))
	}
	shortages, err := probe.Room(p.Needs)
	if err != nil {
		return nil, err
	}
	p.Warnings = probe.Backends(ctx, v.Running, to)
	for _, s := range all {
		if s.to.TLS != nil && !s.Ends() {
			p.Warnings = append(p.Warnings, probe.Certificate(s.Name, s.to.TLS.Cert, time.Now())...)
		}
	}
	p.Warnings = append(p.Warnings, shortages...)
	for _, s := range all {
		p.Warnings = append(p.Warnings, probe.Connections(s.Name, s.to.Listener)...)
	}
	return p, nil
}

// check finds, without touching anything that runs, what would make the
// settings fail in whoever serves them. It looks at directories that are served,
// and waits for them within bounds.
func (s step) check(ctx context.Context) error {
	if s.Ends() {
		return nil
	}
	_, err := slowdisk.Within(ctx, s.maker.Files, "listener "+s.Name, slowdisk.FileTimeout, func() (struct{}, error) {
		return struct{}{}, s.try()
	})
	return err
}

func (s step) try() error {
	if e := s.running; e != nil && !s.Opens() {
		if err := e.MaySteerBy(s.to); err != nil {
			return err
		}
	}
	if err := serving.Check(s.to, s.maker.Program(s.Name), s.maker.Log); err != nil {
		return fmt.Errorf("listener %s: %w", s.Name, err)
	}
	return nil
}

// probeAddress binds the address of a listener that would open it.
func (s step) probeAddress(ctx context.Context) error {
	if !s.Opens() || s.maker.IsGiven(s.Name) {
		return nil
	}
	return s.listener.ProbeAddress(ctx, s.to)
}

// AskRoots finds out whether the directories answer that the listeners serve
// which differ between two configs. Whether they can be served is checked later.
func (m *Maker) AskRoots(ctx context.Context, from, to *config.Config) error {
	for name, l := range to.Listeners {
		if reflect.DeepEqual(from.Listeners[name], l) {
			continue
		}
		for _, r := range l.Routes {
			if r.Files == nil {
				continue
			}
			_, err := slowdisk.Within(ctx, m.Files, r.Files.Root, slowdisk.FileTimeout, func() (os.FileInfo, error) { return os.Stat(r.Files.Root) })
			if slowdisk.IsLate(err) {
				return control.Fail(control.CodeRefused, message.FilesRoot, name, err)
			}
		}
	}
	return ctx.Err()
}
