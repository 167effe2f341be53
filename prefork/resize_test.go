//go:build unix

package prefork_test

import (
	"context"
	"errors"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

func TestResizeUnderLoadLosesNothing(t *testing.T) {
	r := newRig(t, nil)
	r.resize(4)
	l := startLoad(r.sockets.addr, 12)
	for range 10 {
		r.resize(1)
		r.resize(4)
	}
	ok, failed := l.stop()
	t.Logf("%d connections, %d failed, %d workers started", ok, failed, r.count(prefork.Ready))
	if failed != 0 || ok == 0 {
		t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
	}
	if err := r.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	served, passed := r.totals()
	t.Logf("%d connections were passed on", passed)
	if served != uint64(ok) {
		t.Errorf("workers counted %d answers, clients %d", served, ok)
	}
	for id, n := range map[int]int{0: 1, 1: 11, 2: 11, 3: 11} {
		if r.folded[id] != n {
			t.Errorf("worker %d folded %d times, want %d", id, r.folded[id], n)
		}
	}
}

func TestRollingRestartUnderLoadLosesNothing(t *testing.T) {
	r := newRig(t, nil)
	r.resize(2)
	before := r.ready()
	l := startLoad(r.sockets.addr, 8)
	for range 4 {
		for id := range 2 {
			if err := r.Restart(context.Background(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ok, failed := l.stop(); failed != 0 || ok == 0 {
		t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
	}
	after := r.ready()
	if len(after) != 2 || after[0].PID == before[0].PID || after[1].PID == before[1].PID {
		t.Errorf("workers are %+v, were %+v: want two others", after, before)
	}
	if after[0].Restarts != 4 {
		t.Errorf("worker 0 counts %d restarts, want 4", after[0].Restarts)
	}
}

func TestResizeSteersToReadyWorkersOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(3)
	var slots []int
	for _, w := range r.ready() {
		slots = append(slots, w.Slot)
	}
	slices.Sort(slots)
	if got := r.sockets.last(); !slices.Equal(got, slots) {
		t.Errorf("steered to %v, the ready workers have %v", got, slots)
	}
	r.resize(1)
	if got := r.sockets.last(); !slices.Equal(got, []int{r.ready()[0].Slot}) {
		t.Errorf("steered to %v when Resize(1) returned, worker 0 has %d", got, r.ready()[0].Slot)
	}
}

func TestOpenConnectionsOutliveTheirPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(1)
	answered := make(chan error)
	go func() {
		_, _, err := ask(r.sockets.addr, "hold 400ms")
		answered <- err
	}()
	until(t, "the request has arrived", func() bool { return r.busy() })
	r.resize(0)
	if got := r.Wanted(); got != 0 {
		t.Errorf("Wanted() = %d after Resize(0)", got)
	}
	if w := r.Workers(); len(w) != 1 || w[0].State != prefork.Draining || w[0].DrainDeadline.IsZero() {
		t.Errorf("workers are %+v, want one that drains until a deadline", w)
	}
	if err := <-answered; err != nil {
		t.Errorf("the request was cut: %v", err)
	}
	until(t, "the worker is gone", func() bool { return len(r.Workers()) == 0 })
	until(t, "its exit is told", func() bool { return r.count(prefork.Exited) == 1 })
}

// busy reports whether a worker has an open connection.
func (r *rig) busy() bool {
	n := 0
	r.Each(func(_ prefork.Status, memory []byte) { n += int(countsOf(memory).Open.Load()) })
	return n > 0
}

func TestConnectionsWaitWhileThereIsNoWorker(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(1)
	r.resize(0)
	until(t, "the worker is gone", func() bool { return len(r.Workers()) == 0 })
	answered := make(chan error)
	for range 5 {
		go func() {
			_, _, err := ask(r.sockets.addr, "get")
			answered <- err
		}()
	}
	r.resize(2)
	for range 5 {
		if err := <-answered; err != nil {
			t.Errorf("a connection did not survive in the queue: %v", err)
		}
	}
}

func TestFailedGrowthLeavesNoTrace(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) {
		c.Settings = orders{Version: "a", ExitFrom: 2, Print: "no such licence"}.bytes()
	})
	r.resize(2)
	before := r.ready()
	err := r.Resize(context.Background(), 4)
	if err == nil {
		t.Fatal("growth to workers that exit succeeded")
	}
	for _, part := range []string{"from 2 to 4", "worker 2", "exit status 3", "no such licence"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not tell %q", err, part)
		}
	}
	if r.Wanted() != 2 {
		t.Errorf("Wanted() = %d after a refused growth, want 2", r.Wanted())
	}
	if after := r.Workers(); !slices.Equal(after, before) {
		t.Errorf("workers are %+v, were %+v", after, before)
	}
}

func TestGrowthThatIsNotReadyInTimeIsTakenBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) {
		c.Settings = orders{Mute: true}.bytes()
		c.StartTimeout = 300 * time.Millisecond
	})
	err := r.Resize(context.Background(), 1)
	if err == nil || !strings.Contains(err.Error(), "not ready within 300ms") {
		t.Errorf("Resize = %v, want one that tells of the time", err)
	}
	if len(r.Workers()) != 0 {
		t.Errorf("workers are left: %+v", r.Workers())
	}
}

func TestGrowthEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.Settings = orders{Mute: true}.bytes() })
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := r.Resize(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Resize = %v, want the context's error", err)
	}
	if len(r.Workers()) != 0 {
		t.Errorf("workers are left: %+v", r.Workers())
	}
}

func TestRefusedSettingsOfANewWorkerAreTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.Settings = orders{Version: "x", Refuse: []int{0}}.bytes() })
	err := r.Resize(context.Background(), 1)
	if err == nil || !strings.Contains(err.Error(), "version x is not for me") {
		t.Errorf("Resize = %v, want the worker's words", err)
	}
}

func TestUnsteerableGrowthIsTakenBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(1)
	r.sockets.mu.Lock()
	r.sockets.fail = errors.New("no filters today")
	r.sockets.mu.Unlock()
	if err := r.Resize(context.Background(), 2); err == nil || !strings.Contains(err.Error(), "no filters today") {
		t.Errorf("Resize = %v, want why it could not steer", err)
	}
	until(t, "one worker is left", func() bool { return len(r.Workers()) == 1 })
	r.ask("get")
}

func TestFailedRestartKeepsTheOldWorker(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(1)
	pid := r.ready()[0].PID
	r.sockets.mu.Lock()
	r.sockets.fail = errors.New("no filters today")
	r.sockets.mu.Unlock()
	if err := r.Restart(context.Background(), 0); err == nil {
		t.Fatal("the restart succeeded")
	}
	if got := r.ready(); len(got) != 1 || got[0].PID != pid {
		t.Errorf("ready are %+v, want pid %d", got, pid)
	}
	if err := r.Restart(context.Background(), 1); !errors.Is(err, prefork.ErrNoWorker) {
		t.Errorf("Restart of a worker that is none = %v", err)
	}
}

func TestResizeRefusesImpossibleNumbers(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, n := range []int{-1, prefork.MaxWorkers + 1} {
		if err := r.Resize(context.Background(), n); err == nil {
			t.Errorf("Resize(%d) succeeded", n)
		}
	}
}

func TestResizesLeaveNoDescriptorNorGoroutine(t *testing.T) {
	goroutines := goruntime.NumGoroutine()
	r := newRig(t, nil)
	// The slots and their backup acceptors are there to stay; open them first.
	r.resize(3)
	r.resize(1)
	until(t, "the retired are gone", func() bool { return len(r.Workers()) == 1 })
	before := descriptors(t)
	for range 25 {
		r.resize(2)
		r.resize(1)
		until(t, "the retired are gone", func() bool { return len(r.Workers()) == 1 })
	}
	until(t, "there are as many descriptors as before", func() bool { return descriptors(t) <= before })
	if err := r.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	until(t, "there are as many goroutines as before", func() bool { return goruntime.NumGoroutine() <= goroutines })
	if err := r.Resize(context.Background(), 1); !errors.Is(err, prefork.ErrStopped) {
		t.Errorf("Resize after Stop = %v, want ErrStopped", err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestStopInAHurryKills(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(2)
	go ask(r.sockets.addr, "hold 10s")
	until(t, "the request has arrived", func() bool { return r.busy() })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	began := time.Now()
	if err := r.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Stop = %v, want the context's error", err)
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("Stop took %s", d)
	}
	if err := r.Stop(context.Background()); err != nil {
		t.Errorf("a second Stop = %v", err)
	}
}

func TestStopDrainsWithinItsContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(1)
	go ask(r.sockets.addr, "hold 60s")
	until(t, "the request has arrived", func() bool { return r.busy() })
	// A tenth of it is left to a worker for its end, which takes a busy machine a while.
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
	defer cancel()
	if err := r.Stop(ctx); err != nil {
		t.Errorf("Stop = %v, want a worker that closes in time", err)
	}
}

func TestStopEndsAGrowthUnderWay(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.Settings = orders{Mute: true}.bytes() })
	grown := make(chan error)
	go func() { grown <- r.Resize(context.Background(), 2) }()
	until(t, "the growth is under way", func() bool { return len(r.Workers()) > 0 })
	if err := r.Stop(context.Background()); err != nil {
		t.Errorf("Stop = %v", err)
	}
	if err := <-grown; !errors.Is(err, prefork.ErrStopped) {
		t.Errorf("Resize = %v, want ErrStopped", err)
	}
	if len(r.Workers()) != 0 {
		t.Errorf("workers are left: %+v", r.Workers())
	}
}

func TestWorkerThatDoesNotDrainIsKilled(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.DrainTimeout = 50 * time.Millisecond })
	r.resize(1)
	pid := r.ready()[0].PID
	stop(t, pid)
	r.resize(0)
	until(t, "the worker is gone", func() bool { return len(r.Workers()) == 0 })
	until(t, "its end is told", func() bool { return r.count(prefork.Crashed) == 1 })
	events := r.drainSent()
	last := events[len(events)-1]
	if !strings.Contains(last.Message, "drain timeout of 50ms") {
		t.Errorf("the last event is %+v, want that it overstayed", last)
	}
}
