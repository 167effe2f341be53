package runtime

import (
	"context"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// detail adds to the plan of a listener what it takes time to find out: what
// becomes of each worker, and how long what drains has been at it.
func (s step) detail(ctx context.Context, p *control.ListenerPlan) {
	p.Workers = s.workers()
	if p.Drained > 0 {
		p.OldestRequest = s.oldestRequest(ctx, p.Workers)
	}
}

// workers tells what becomes of each worker, in the order of their ids; those
// that drain already are not concerned.
func (s step) workers() []control.WorkerPlan {
	will := s.to.Listener.Prefork.Workers
	if s.kind == "stop" || s.kind == "remove" {
		will = 0
	}
	var all []control.WorkerPlan
	if e := s.managed.endpoint(); e != nil && e.settings.Listener.Prefork.Workers > 0 {
		e.each(func(w prefork.Status, b *board) {
			if w.State == prefork.Draining {
				return
			}
			t := b.listener.Load()
			all = append(all, control.WorkerPlan{ID: w.ID, PID: w.PID, Action: s.fate(w.ID, will), Active: int(t.Active), Idle: int(t.Idle)})
		})
	}
	kept := len(all)
	if s.kind == "rebind" {
		kept = 0
	}
	for id := kept; id < will; id++ {
		all = append(all, control.WorkerPlan{ID: id, Action: control.WorkerStarted})
	}
	return all
}

// fate of a worker that runs.
func (s step) fate(id, will int) string {
	switch {
	case id >= will || s.kind == "rebind":
		return control.WorkerRetired
	case s.kind == "update", s.kind == "resize":
		return control.WorkerUpdated
	}
	return control.WorkerKept
}

// oldestRequest is the age of the oldest request on what drains, empty if there
// is none.
func (s step) oldestRequest(ctx context.Context, workers []control.WorkerPlan) string {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	drains := func(id int) bool {
		return len(workers) == 0 || slices.ContainsFunc(workers, func(w control.WorkerPlan) bool {
			return w.ID == id && w.Action == control.WorkerRetired
		})
	}
	var oldest time.Duration
	for _, c := range s.managed.connections(ctx, control.Query{State: "active"}) {
		if drains(c.Worker) {
			oldest = max(oldest, time.Since(c.Since))
		}
	}
	if oldest == 0 {
		return ""
	}
	return oldest.Round(time.Millisecond).String()
}
