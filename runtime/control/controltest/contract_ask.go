package controltest

import (
	"reflect"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (r *rig) connections(q control.Query) *control.Page {
	r.Helper()
	p, err := r.Controller.Connections(r.ctx, q)
	if err != nil {
		r.Fatalf("Connections(%+v): %v", q, err)
	}
	return p
}

func connectionsComeInPages(r *rig) {
	all := r.connections(control.Query{Listener: r.Listener, Limit: 10000})
	if all.Total != len(all.Connections) {
		r.Errorf("total is %d, %d connections are listed", all.Total, len(all.Connections))
	}
	for i, c := range all.Connections {
		if c.Listener != r.Listener || c.State != "active" && c.State != "idle" {
			r.Errorf("connection %+v, want one of %s, active or idle", c, r.Listener)
		}
		if i > 0 && c.Opened.Before(all.Connections[i-1].Opened) {
			r.Errorf("connection %d is older than the one before", i)
		}
	}
	if p := r.connections(control.Query{Listener: r.Listener, Limit: 1}); len(p.Connections) > 1 {
		r.Errorf("a page of one has %d", len(p.Connections))
	}
	if p := r.connections(control.Query{Listener: r.Listener, Offset: 1 << 30}); len(p.Connections) != 0 {
		r.Errorf("a page behind the end has %d", len(p.Connections))
	}
	if all.Total > 1 {
		second := r.connections(control.Query{Listener: r.Listener, Limit: 1, Offset: 1})
		if second.Total != all.Total || len(second.Connections) != 1 || second.Connections[0].ID != all.Connections[1].ID {
			r.Errorf("the second page of one is %+v, want connection %d of %d", second, all.Connections[1].ID, all.Total)
		}
	}
	worker := 1 << 20
	if p := r.connections(control.Query{Worker: &worker}); p.Total != 0 {
		r.Errorf("a worker that is not there has %d connections", p.Total)
	}
}

func wrongQueriesAreRefused(r *rig) {
	for _, q := range []control.Query{{Limit: -1}, {Limit: 10001}, {Offset: -1}, {State: "asleep"}} {
		_, err := r.Controller.Connections(r.ctx, q)
		if e := r.wantError("Connections", err, control.ErrInvalid); reflect.DeepEqual(e, &control.Error{}) {
			r.Errorf("query was %+v", q)
		}
	}
	_, err := r.Controller.Connections(r.ctx, control.Query{Listener: "there-is-none"})
	r.wantError("Connections of no listener", err, control.ErrNotFound)
}

func wrongActionsAreRefused(r *rig) {
	before := r.snapshot()
	_, err := r.Controller.Act(r.ctx, control.Action{Kind: "dance"})
	r.wantError("an unknown action", err, control.ErrInvalid)
	for _, kind := range []string{control.DrainExtend, control.DrainNow} {
		a := control.Action{Kind: kind, Listener: r.Listener, All: true}
		if kind == control.DrainExtend {
			a.By = config.Duration(time.Minute)
		}
		_, err = r.Controller.Act(r.ctx, a)
		r.wantError(kind+" of what does not drain", err, control.ErrRefused)
		a.Listener = "there-is-none"
		_, err = r.Controller.Act(r.ctx, a)
		r.wantError(kind+" of no listener", err, control.ErrNotFound)
		a.Listener, a.By = r.Listener, config.Duration(time.Millisecond)
		_, err = r.Controller.Act(r.ctx, a)
		r.wantError(kind+" by a millisecond", err, control.ErrInvalid)
	}
	_, err = r.Controller.Act(r.ctx, control.Action{Kind: control.RestartWorker, Listener: "there-is-none"})
	r.wantError("restart of a worker of no listener", err, control.ErrNotFound)
	_, err = r.Controller.Act(r.ctx, control.Action{Kind: control.RestartWorker, Listener: r.Listener, Worker: 1 << 20})
	r.wantError("restart of no worker", err, control.ErrNotFound, control.ErrUnsupported) // the latter in the master process
	_, err = r.Controller.Act(r.ctx, control.Action{Kind: control.RestartWorkers, Listener: "there-is-none"})
	r.wantError("restart of the workers of no listener", err, control.ErrNotFound)
	r.unchanged(before)
}

// restartOfAllWorkers leaves as many as there were, each of them new.
func restartOfAllWorkers(r *rig) {
	before := *r.listener(r.snapshot())
	for _, name := range []string{r.Listener, ""} {
		res, err := r.Controller.Act(r.ctx, control.Action{Kind: control.RestartWorkers, Listener: name, Actor: "contract"})
		if !before.Prefork {
			r.wantError("restart of workers in the master process", err, control.ErrUnsupported)
			continue
		}
		if err != nil || res.Message == "" {
			r.Fatalf("restart of all workers: %+v, %v; want some words", res, err)
		}
		r.until("all workers are new", func(s *control.Snapshot) bool {
			l := r.listener(s)
			return l.Rolling == nil && len(l.Workers) == len(before.Workers) && !slices.ContainsFunc(l.Workers, func(w control.WorkerInfo) bool {
				return w.State != control.WorkerReady || slices.ContainsFunc(before.Workers, func(old control.WorkerInfo) bool { return old.PID == w.PID })
			})
		})
		before = *r.listener(r.snapshot())
	}
}
