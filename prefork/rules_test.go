package prefork

import (
	"slices"
	"testing"
	"time"
)

func TestBackoffDoublesUpToItsMost(t *testing.T) {
	b := Config{}.withDefaults().Backoff
	for failures, want := range map[int]time.Duration{
		0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 5: 3200 * time.Millisecond,
		8: 25600 * time.Millisecond, 9: 30 * time.Second, 1 << 40: 30 * time.Second,
	} {
		if got := b.pause(failures, 0.5); got != want {
			t.Errorf("after %d failures %s, want %s", failures, got, want)
		}
		low, high := b.pause(failures, 0), b.pause(failures, 1)
		if low != want*8/10 || high != want*12/10 {
			t.Errorf("after %d failures %s to %s, want %s give or take a fifth", failures, low, high, want)
		}
	}
}

func TestProcessorsAreSharedRoundedUp(t *testing.T) {
	for _, c := range []struct{ all, n, want int }{{1, 4, 1}, {2, 1, 2}, {2, 4, 1}, {8, 3, 3}, {8, 8, 1}, {4, 0, 4}} {
		if got := processors(c.all, c.n); got != c.want {
			t.Errorf("%d workers on %d processors use %d each, want %d", c.n, c.all, got, c.want)
		}
	}
}

func TestWorkerEnvironmentKeepsTheUsersChoice(t *testing.T) {
	got := workerEnv([]string{"A=1", "GOMAXPROCS=7", "LISTEN_FDS=2", marker + "=0 0 x"}, 100)
	if want := []string{"A=1", "GOMAXPROCS=7"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := workerEnv(nil, 1<<20); !slices.Equal(got, []string{"GOMAXPROCS=1"}) {
		t.Errorf("got %q, want one processor", got)
	}
}

func TestSlotsAreReusedInTheOrderTheyWereLeft(t *testing.T) {
	var s slots
	take := func() int {
		i, err := s.take(&process{})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	for want := range 4 {
		if got := take(); got != want {
			t.Fatalf("got slot %d, want %d", got, want)
		}
	}
	for _, i := range []int{2, 0, 3} {
		s.release(i, false)
	}
	for _, want := range []int{2, 0, 3, 4} {
		if got := take(); got != want {
			t.Errorf("got slot %d, want %d", got, want)
		}
	}
	for len(s.list) < maxSlots {
		take()
	}
	if _, err := s.take(&process{}); err == nil {
		t.Errorf("more than %d slots were given out", maxSlots)
	}
}

func TestSlotsRestBetweenTenantsUnlessTheyCrashed(t *testing.T) {
	s := slots{rest: time.Hour, most: 4}
	take := func(want int) {
		t.Helper()
		if got, err := s.take(&process{}); err != nil || got != want {
			t.Fatalf("got slot %d, %v; want %d", got, err, want)
		}
	}
	take(0)
	take(1)
	s.release(0, false)
	take(2) // 0 rests
	s.release(1, true)
	take(1) // whose clients want to be told
	take(3)
	take(0) // there is no other
	if _, err := s.take(&process{}); err == nil {
		t.Error("more slots were given out than there can be")
	}
}
