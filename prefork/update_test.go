//go:build unix

package prefork_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

func TestUpdateReachesEveryWorkerBeforeItReturns(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(3)
	if err := r.Update(context.Background(), orders{Version: "b"}.bytes()); err != nil {
		t.Fatal(err)
	}
	r.resize(4)
	for range 30 {
		if _, version := r.ask("get"); version != "b" {
			t.Fatalf("version %s is served after the update", version)
		}
	}
	for _, w := range r.ready() {
		if w.Generation != 2 {
			t.Errorf("worker %d has generation %d, want 2", w.ID, w.Generation)
		}
	}
}

func TestRefusedUpdateReturnsEverybodyToTheOldSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(3)
	before := r.ready()
	err := r.Update(context.Background(), orders{Version: "b", Refuse: []int{2}}.bytes())
	for _, part := range []string{"worker 2", "version b is not for me", "old settings stay"} {
		if !strings.Contains(errText(err), part) {
			t.Errorf("Update = %v, want it to tell %q", err, part)
		}
	}
	for range 30 {
		if _, version := r.ask("get"); version != "a" {
			t.Fatalf("version %s is served after a refused update", version)
		}
	}
	for i, w := range r.ready() {
		if w.PID != before[i].PID {
			t.Errorf("worker %d was replaced", w.ID)
		}
	}
	r.resize(4)
	for range 30 {
		if _, version := r.ask("get"); version != "a" {
			t.Fatalf("version %s is served by a new worker", version)
		}
	}
}

func TestUpdateThatKillsAWorkerIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(2)
	err := r.Update(context.Background(), orders{Version: "b", ExitFrom: 1, Print: "cannot"}.bytes())
	if !strings.Contains(errText(err), "worker 1") {
		t.Errorf("Update = %v, want which worker ended", err)
	}
	until(t, "two workers are ready", func() bool { return len(r.ready()) == 2 })
	for range 20 {
		if _, version := r.ask("get"); version != "a" {
			t.Fatalf("version %s is served after a refused update", version)
		}
	}
}

func TestUpdateWithoutWorkersIsForThoseToCome(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if err := r.Update(context.Background(), orders{Version: "b"}.bytes()); err != nil {
		t.Fatal(err)
	}
	r.resize(1)
	if _, version := r.ask("get"); version != "b" {
		t.Errorf("version %s is served", version)
	}
}

// Settings that end a crash loop must be taken although no worker is ready.
func TestUpdateHealsACrashLoop(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.Backoff.First = 20 * time.Millisecond })
	r.resize(2)
	loopWorker1(t, r)
	until(t, "worker 1 crashes again and again", func() bool { return r.count(prefork.Crashed) >= 3 })
	if err := r.Update(context.Background(), orders{Version: "good"}.bytes()); err != nil {
		t.Fatal(err)
	}
	until(t, "both are ready", func() bool { return len(r.ready()) == 2 })
}

func TestUpdatesAndResizesMayMeet(t *testing.T) {
	r := newRig(t, nil)
	r.resize(1)
	l := startLoad(r.sockets.addr, 4)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 6 {
			r.Update(context.Background(), orders{Version: "b"}.bytes())
			r.SetDrainTimeout(3 * time.Second)
		}
	}()
	for range 4 {
		r.resize(3)
		r.resize(1)
	}
	<-done
	if ok, failed := l.stop(); failed != 0 || ok == 0 {
		t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
	}
	if w := r.ready(); len(w) != 1 || w[0].State != prefork.Ready {
		t.Errorf("workers are %+v", r.Workers())
	}
}
