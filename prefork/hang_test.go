//go:build unix

package prefork_test

import (
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

// watched has hung workers replaced after so long.
func watched(hang time.Duration) func(*prefork.Config) {
	return func(c *prefork.Config) { c.Beat, c.HangTimeout = beatsOf, hang }
}

// states of the workers there are, by pid.
func (r *rig) states() map[int]prefork.State {
	all := map[int]prefork.State{}
	for _, w := range r.Workers() {
		all[w.PID] = w.State
	}
	return all
}

// What waits in the queue of a worker that hangs is served by others, and the
// worker is taken back when it goes on.
func TestSuspendedWorkerIsSteeredAwayAndTakenBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, watched(time.Minute))
	r.resize(2)
	w := r.ready()
	stop(t, w[0].PID)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if pid, _, err := ask(r.sockets.addr, "get"); err != nil || pid != w[1].PID {
				t.Errorf("answer of %d, %v; want one of %d", pid, err, w[1].PID)
			}
		})
	}
	wg.Wait() // the worker is still stopped
	_, passed := r.totals()
	t.Logf("of 40 connections, %d waited in the queue of the suspended worker and were passed on", passed)
	if r.sockets.Steering() != "shared" && passed == 0 {
		t.Error("no connection was passed on, want those in the queue of the suspended worker")
	}
	until(t, "it is hung", func() bool { return r.states()[w[0].PID] == prefork.Hung })
	if got := r.sockets.last(); r.sockets.Steering() != "shared" && (len(got) != 1 || got[0] != w[1].Slot) {
		t.Errorf("connections are steered to slots %v, want %d alone", got, w[1].Slot)
	}
	signalTo(t, w[0].PID, sigCont)
	until(t, "it is taken back", func() bool { return r.states()[w[0].PID] == prefork.Ready })
	until(t, "it gets connections again", func() bool { pid, _ := r.ask("get"); return pid == w[0].PID })
	if n := r.count(prefork.Crashed); n != 0 {
		t.Errorf("%d workers ended, want none", n)
	}
}

func TestSuspendedWorkerIsReplacedAtTheDeadline(t *testing.T) {
	t.Parallel()
	r := newRig(t, watched(1500*time.Millisecond))
	r.resize(3)
	w := r.ready()
	stop(t, w[1].PID)
	l := startLoad(r.sockets.addr, 8)
	until(t, "it is replaced and gone", func() bool {
		now := r.ready()
		return len(now) == 3 && !alive(w[1].PID) && now[1].Crashes > 0
	})
	if ok, failed := l.stop(); failed != 0 || ok == 0 {
		t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
	}
	now := r.ready()
	if now[0].PID != w[0].PID || now[2].PID != w[2].PID {
		t.Errorf("the others are %+v, want the same as before", now)
	}
	if now[1].Crashes != 1 || !strings.Contains(now[1].LastExit, "no heartbeat for 1.") {
		t.Errorf("the new worker is %+v, want it to tell how the one before ended", now[1])
	}
}

// A hung worker that is replaced on demand does not get the whole time of a drain
// that it knows nothing of.
func TestHungWorkerIsNotAwaitedLong(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) {
		watched(2 * time.Second)(c)
		c.DrainTimeout = time.Hour
	})
	r.resize(2)
	old := r.ready()[0].PID
	stop(t, old)
	until(t, "it is hung", func() bool { return r.states()[old] == prefork.Hung })
	if err := r.Restart(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	until(t, "it is gone", func() bool { return len(r.Workers()) == 2 && !alive(old) })
}

// A worker whose process runs, but not what it is for, tells in its last words
// what it was doing.
func TestHungWorkerPrintsItsStack(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := newRig(t, func(c *prefork.Config) {
		watched(time.Second)(c)
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	r.resize(1)
	old, _ := r.ask("deafen")
	until(t, "it is replaced", func() bool { w := r.ready(); return len(w) == 1 && w[0].PID != old && !alive(old) })
	until(t, "its stack is in the log", func() bool {
		return r.count(prefork.Crashed) == 1 && strings.Contains(log.String(), "prefork.(*Worker).Run")
	})
	for _, e := range r.drainSent() {
		if strings.Contains(e.Tail, "goroutine") {
			t.Errorf("the stack is shown as its last words: %q", e.Tail)
		}
	}
}

func TestNobodyIsWatchedWithoutATimeout(t *testing.T) {
	t.Parallel()
	r := newRig(t, watched(0))
	r.resize(1)
	old, _ := r.ask("deafen")
	time.Sleep(600 * time.Millisecond) // one look or more
	if got := r.states()[old]; got != prefork.Ready {
		t.Errorf("the worker is %q, want it ready", got)
	}
	r.SetHangTimeout(time.Second)
	until(t, "it is replaced", func() bool { w := r.ready(); return len(w) == 1 && w[0].PID != old })
}

// A machine that slept, workers and master alike, has nobody hung when it wakes.
func TestMasterThatStoodStillSuspectsNobody(t *testing.T) {
	t.Parallel()
	master, addr, pids := startMaster(t, os.Args[0])
	for pid := range pids {
		stop(t, pid)
	}
	time.Sleep(150 * time.Millisecond) // a look of the master, so that it knows their last beats
	stop(t, master.Process.Pid)
	time.Sleep(3 * time.Second) // longer than the timeout of 2s
	signalTo(t, master.Process.Pid, sigCont)
	time.Sleep(200 * time.Millisecond) // looks of the master, shorter than its suspicion
	for pid := range pids {
		signalTo(t, pid, sigCont)
	}
	for range 50 {
		if pid, _, err := ask(addr, "get"); err != nil || !pids[pid] {
			t.Fatalf("answer of %d, %v; want one of %v", pid, err, pids)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for pid := range pids {
		if err := syscall.Kill(pid, 0); err != nil {
			t.Errorf("worker %d: %v, want it alive", pid, err)
		}
	}
}
