package controltest_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestScenesAreAlwaysTheSameAndNobodyElses(t *testing.T) {
	for _, name := range controltest.Scenes() {
		a, b := controltest.Scene(name), controltest.Scene(name)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: two calls differ", name)
		}
		if len(a.Listeners) > 0 {
			a.Listeners[0].Name = "changed"
			if controltest.Scene(name).Listeners[0].Name == "changed" {
				t.Errorf("%s: callers share a snapshot", name)
			}
		}
	}
}

func TestSceneNumbersAgree(t *testing.T) {
	for _, name := range controltest.Scenes() {
		s := controltest.Scene(name)
		pids := map[int]bool{}
		for _, l := range s.Listeners {
			var active, idle uint64
			ready := 0
			for _, w := range l.Workers {
				active, idle = active+w.Connections.Active, idle+w.Connections.Idle
				if w.State == control.WorkerReady {
					ready++
				}
				if l.Prefork && w.PID != 0 && pids[w.PID] {
					t.Errorf("%s: %q: pid %d twice", name, l.Name, w.PID)
				}
				pids[w.PID] = l.Prefork
			}
			if active != l.Connections.Active || idle != l.Connections.Idle || ready != l.WorkersReady {
				t.Errorf("%s: %q: workers have %d active, %d idle, %d ready; the listener says %+v, %d ready",
					name, l.Name, active, idle, ready, l.Connections, l.WorkersReady)
			}
		}
	}
	if got := controltest.Scene("busy").Listeners[1].Connections; got.Active+got.Idle != 212 {
		t.Errorf("web of scene busy has %+v, want 212 open", got)
	}
}

func TestStepGrowsCountersTheSameWayEachTime(t *testing.T) {
	ctx := context.Background()
	run := func() *control.Snapshot {
		f := controltest.NewFake(controltest.Scene("busy"))
		for range 50 {
			f.Step()
		}
		s, err := f.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, before := run(), controltest.Scene("busy")
	if !reflect.DeepEqual(a, run()) {
		t.Error("two runs differ")
	}
	if got, want := a.Time.Sub(before.Time), 50*time.Second; got != want {
		t.Errorf("clock moved by %v, want %v", got, want)
	}
	if grown := a.Listeners[1].Requests - before.Listeners[1].Requests; grown < 50*1500 || grown > 50*3500 {
		t.Errorf("web had %d requests in 50 s, want about 2400 a second", grown)
	}
}

func TestDrainingEndsWithSteps(t *testing.T) {
	f := controltest.NewFake(controltest.Scene("draining"))
	for range 10 {
		f.Step()
	}
	s, _ := f.Snapshot(context.Background())
	if got := s.Listeners[0].State; got != control.StateStopped {
		t.Errorf("hello is %s, want stopped", got)
	}
	if got := len(s.Listeners[1].Workers); got != 4 {
		t.Errorf("web has %d workers, want the 4 that do not drain", got)
	}
}

func TestFakeAppliesAndRecords(t *testing.T) {
	ctx := context.Background()
	f := controltest.NewFake(controltest.Scene("busy"))
	c := control.Change{Base: 7, Actor: "bob", Patch: config.Patch{
		{Path: "listeners.web.prefork.workers", Value: "6"}, {Path: "listeners.hello.enabled", Value: "false"}}}
	plan, err := f.Plan(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if want := "hello stops, 12 connections end after the current request; web: 2 new workers, nothing dropped"; plan.Summary != want {
		t.Errorf("plan says %q, want %q", plan.Summary, want)
	}
	if _, err := f.Apply(ctx, c); err != nil {
		t.Fatal(err)
	}
	s, _ := f.Snapshot(ctx)
	if s.Generation != 8 || s.Listeners[1].WorkersReady != 6 || s.Listeners[0].State != control.StateStopped {
		t.Errorf("after apply: generation %d, web %d ready, hello %s", s.Generation, s.Listeners[1].WorkersReady, s.Listeners[0].State)
	}
	if want := []string{"listeners.hello.enabled", "listeners.web.prefork.workers"}; !slices.Equal(s.Config.Overrides, want) {
		t.Errorf("overrides %v, want %v", s.Config.Overrides, want)
	}
	if got := f.Changes(); len(got) != 1 || !reflect.DeepEqual(got[0], c) {
		t.Errorf("recorded %+v, want %+v", got, c)
	}
	if e := s.Events[len(s.Events)-1]; e.Actor != "bob" || e.Message != plan.Summary {
		t.Errorf("last event %+v", e)
	}
}

func TestFailEndsWatchesAndRefuseOnlyWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := controltest.NewFake(controltest.Scene("idle"))
		refused := &control.Error{Code: control.CodeRefused, Message: "port 80 is in use"}
		f.Refuse(refused)
		if _, err := f.Apply(t.Context(), control.Change{}); !errors.Is(err, control.ErrRefused) {
			t.Errorf("Apply: %v, want refused", err)
		}
		if _, err := f.Snapshot(t.Context()); err != nil {
			t.Errorf("Snapshot: %v, want none", err)
		}
		ended := make(chan error)
		go func() {
			ended <- f.Watch(t.Context(), control.WatchOptions{}, func(*control.Snapshot) {})
		}()
		synctest.Wait()
		f.Fail(&control.Error{Code: control.CodeUnavailable, Message: "gone"})
		if err := <-ended; !errors.Is(err, control.ErrUnavailable) {
			t.Errorf("Watch ended with %v, want unavailable", err)
		}
	})
}

func TestStepWakesWatchersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := controltest.NewFake(controltest.Scene("busy"))
		seen := make(chan *control.Snapshot, 10)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go f.Watch(ctx, control.WatchOptions{Interval: time.Hour, History: 60}, func(s *control.Snapshot) { seen <- s })
		first := <-seen
		f.Step()
		second := <-seen
		if got := second.Time.Sub(first.Time); got != time.Second {
			t.Errorf("watcher saw the clock move by %v, want 1s", got)
		}
		if got := len(second.Listeners[1].History); got != 60 {
			t.Errorf("history has %d points, want 60", got)
		}
		cancel()
		synctest.Wait()
	})
}
