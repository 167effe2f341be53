//go:build unix

package prefork_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

func (r *rig) roll() error { return r.Roll(r.t.Context()) }

func TestRollReplacesEveryWorkerAndLosesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(3)
	before := r.ready()
	l := startLoad(r.sockets.addr, 4)
	if err := r.roll(); err != nil {
		t.Error(err)
	}
	until(t, "three new workers", func() bool { w := r.Workers(); return len(w) == 3 && len(r.ready()) == 3 })
	if ok, failed := l.stop(); failed != 0 || ok == 0 {
		t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
	}
	for i, w := range r.ready() {
		if w.PID == before[i].PID || w.Restarts != 1 {
			t.Errorf("worker %d is %+v, want another process than %d", i, w, before[i].PID)
		}
	}
	if p := r.Rolling(); p.Total != 0 {
		t.Errorf("a rolling restart is at %+v, want none", p)
	}
}

// A roll stops at the first worker that cannot be replaced: that one and those
// behind it go on.
func TestRollStopsWhereAWorkerCannotStart(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"": "exit status 4", "mute": "not ready within 1s"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *prefork.Config) { c.StartTimeout = time.Second })
			flag := t.TempDir() + "/crash"
			r.resize(3)
			if err := r.Update(t.Context(), orders{Version: "b", CrashWhile: flag}.bytes()); err != nil {
				t.Fatal(err)
			}
			before := r.ready()
			if err := os.WriteFile(flag, []byte(how), 0o600); err != nil {
				t.Fatal(err)
			}
			l := startLoad(r.sockets.addr, 4)
			err := r.roll()
			for _, part := range []string{"1 of 3 workers replaced, the others keep running", want, "not today"} {
				if !strings.Contains(errText(err), part) {
					t.Errorf("Roll = %v, want %q", err, part)
				}
			}
			until(t, "the first old one is gone", func() bool { return len(r.Workers()) == 3 })
			if ok, failed := l.stop(); failed != 0 || ok == 0 {
				t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
			}
			after := r.ready()
			if len(after) != 3 || after[0].PID == before[0].PID || after[1].PID != before[1].PID || after[2].PID != before[2].PID {
				t.Errorf("workers are %+v, were %+v; want the first replaced and no other", after, before)
			}
		})
	}
}

func TestOnlyOneRollAtATime(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(2)
	first := make(chan error, 1)
	go func() { first <- r.roll() }()
	until(t, "it is under way", func() bool { return r.Rolling().Total == 2 || len(first) == 1 })
	if err := r.roll(); len(first) == 0 && !strings.Contains(errText(err), "a rolling restart is already running") {
		t.Errorf("the second Roll = %v, want that one is under way", err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}
