package pool

import (
	"testing"
	"time"
)

func TestPausesDoubleUpToABoundAndEndWithSuccess(t *testing.T) {
	b := newBackend(BackendConfig{Name: "a"}, "127.0.0.1:1")
	now := time.Now()
	b.failed(now, false)
	if b.down() {
		t.Fatal("one failed connect should not take a backend down")
	}
	b.failed(now, false)
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		if got := b.downUntil.Sub(now); got != want*time.Second {
			t.Fatalf("pause %d: got %v, want %v", i, got, want*time.Second)
		}
		b.failed(now, false) // a request that had no other choice
		if got := b.downUntil.Sub(now); got != want*time.Second {
			t.Fatalf("pause %d: a request lengthened it to %v", i, got)
		}
		b.failed(now, true)
	}
	b.succeeded()
	if got := b.counters.Load(); b.down() || got.Up != StateUp || got.Failures != 0 || got.DownUntil != 0 {
		t.Fatalf("got %+v after a success, want up and no failures", got)
	}
	b.failed(now, false)
	b.failed(now, false)
	if got := b.downUntil.Sub(now); got != time.Second {
		t.Fatalf("got %v, want the first pause again", got)
	}
}

func TestTotalsAddUp(t *testing.T) {
	up := Totals{Open: 3, Active: 1, Requests: 5, Up: StateUp}
	down := Totals{Requests: 2, Errors: 2, Failures: 2, Up: StateDown, DownUntil: 7}
	if got := up.Add(down); got.Up != StateUp || got.DownUntil != 0 || got.Requests != 7 || got.Idle() != 2 {
		t.Errorf("got %+v, want up, 7 requests, 2 idle", got)
	}
	if got := down.Add(Totals{Up: StateDown, DownUntil: 3}); got.Up != StateDown || got.DownUntil != 3 {
		t.Errorf("got %+v, want down until 3", got)
	}
	if got := up.Past(); got != (Totals{Requests: 5}) {
		t.Errorf("got %+v, want the requests alone", got)
	}
}
