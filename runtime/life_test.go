//go:build unix

package runtime_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// failingWorkers lets workers other than the first fail at their start, with
// these words, until the test or end ends.
func failingWorkers(t *testing.T) (begin func(words string), end func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "failing")
	t.Setenv(envFailing, path)
	return func(words string) { writeFile(t, path, words) }, func() { os.Remove(path) }
}

// suspend stops a process and waits until each of its threads has stopped: until
// then it may go on accepting.
func suspend(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	runs := func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		return slices.ContainsFunc(threads, func(name string) bool {
			stat, err := os.ReadFile(name)
			return err == nil && !strings.Contains(string(stat), ") T ")
		})
	}
	for deadline := time.Now().Add(10 * time.Second); runs(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d does not stop", pid)
		}
	}
}

func processes(l control.ListenerInfo) map[int]bool {
	all := map[int]bool{}
	for _, w := range l.Workers {
		all[w.PID] = true
	}
	return all
}

// told reports whether an event with these words comes.
func told(t *testing.T, app *runtime.App, words string) bool {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s, err := app.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range s.Events {
			if strings.Contains(e.Message, words) {
				return true
			}
		}
	}
	return false
}

func TestRollingRestartUnderLoadLosesNothing(t *testing.T) {
	app := open(t, preforked)
	old := processes(info(t, app, "web"))
	stop := load(t, app, 32)
	r, err := app.Act(t.Context(), control.Action{Kind: control.RestartWorkers, Listener: "web", Reason: "new library"})
	if err != nil || r.Message != "web: 4 workers replaced, their connections drain" {
		t.Errorf("got %+v, %v; want 4 workers replaced", r, err)
	}
	now := await(t, app, "web", "4 workers", workersReady(4))
	wantNoFailure(t, stop())
	for _, w := range now.Workers {
		if old[w.PID] {
			t.Errorf("worker %d still is process %d", w.ID, w.PID)
		}
	}
	if !told(t, app, "restarting all workers one by one (new library)") {
		t.Error("the restart and its reason are not among the events")
	}
}

func TestRollingRestartKeepsTheOldWorkersWhenNewOnesFail(t *testing.T) {
	begin, end := failingWorkers(t)
	app := open(t, preforked)
	old := info(t, app, "web").Workers
	stop := load(t, app, 16)
	begin("no such library")
	_, err := app.Act(t.Context(), control.Action{Kind: control.RestartWorkers, Listener: "web"})
	for _, want := range []string{"1 of 4 workers replaced, the others keep running", "worker 1: exit status 3; it printed: no such library"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	now := await(t, app, "web", "4 workers", workersReady(4)).Workers
	wantNoFailure(t, stop())
	for id := 1; id < 4; id++ {
		if now[id].PID != old[id].PID {
			t.Errorf("worker %d is %d, want %d as before", id, now[id].PID, old[id].PID)
		}
	}
	end()
}

// Workers that exit at every start cost no more than some starts, and the other
// workers' clients nothing.
func TestCrashLoopIsDegradedAndBounded(t *testing.T) {
	begin, end := failingWorkers(t)
	app := open(t, strings.Replace(preforked, "workers: 4", "workers: 2", 1))
	began := info(t, app, "web").Workers
	begin("\x1b[31mcannot find\x1b[0m the licence")
	if err := syscall.Kill(began[1].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, app, "web", "degraded", func(l control.ListenerInfo) bool { return l.State == control.StateDegraded })
	stop := load(t, app, 16)
	time.Sleep(2 * time.Second) // a window of starts after 100, 200, 400, 800 ms
	wantNoFailure(t, stop())
	l := info(t, app, "web")
	w := l.Workers[1]
	t.Logf("%s: %+v", l.Reason, w)
	if l.State != control.StateDegraded || !strings.Contains(l.Reason, "exit status 3, ") || !strings.HasSuffix(l.Reason, ": cannot find the licence") {
		t.Errorf("%s, %q; want degraded with the exit status and what was printed", l.State, l.Reason)
	}
	if w.Restarts > 8 || w.Crashes < 3 || w.CrashesSince == nil {
		t.Errorf("%d starts and %d crashes since %v, want a few", w.Restarts, w.Crashes, w.CrashesSince)
	}
	if w.LastExit != "exit status 3" || w.LastOutput != "cannot find the licence" {
		t.Errorf("ended by %q, printed %q", w.LastExit, w.LastOutput)
	}
	if l.Workers[0].PID != began[0].PID || l.Workers[0].Crashes != 0 {
		t.Errorf("worker 0 is %+v, want it untouched", l.Workers[0])
	}
	end()
	await(t, app, "web", "2 workers", workersReady(2))
}

// Nobody but the clients that a hung worker has accepted notices it.
func TestHungWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	app := open(t, preforked)
	set(t, app, "listeners.web.prefork.hang_timeout=2s")
	w := info(t, app, "web").Workers[2]
	suspend(t, w.PID)
	stop := load(t, app, 16)
	await(t, app, "web", "hung", func(l control.ListenerInfo) bool {
		return l.State == control.StateDegraded && strings.Contains(l.Reason, "has had no heartbeat for ") &&
			l.Workers[2].State == control.WorkerHung && l.Workers[2].HungSince != nil
	})
	now := await(t, app, "web", "the replacement", func(l control.ListenerInfo) bool {
		return workersReady(4)(l) && l.Workers[2].PID != w.PID
	}).Workers[2]
	r := stop()
	wantNoFailure(t, r)
	if now.Crashes != 1 || !strings.Contains(now.LastExit, "no heartbeat for 2") {
		t.Errorf("got %+v, want to see how the one before ended", now)
	}
}

func TestSuspendedWorkerIsTakenBack(t *testing.T) {
	t.Parallel()
	app := open(t, preforked)
	w := info(t, app, "web").Workers[2]
	suspend(t, w.PID)
	await(t, app, "web", "hung", func(l control.ListenerInfo) bool { return l.Workers[2].State == control.WorkerHung })
	if err := syscall.Kill(w.PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	now := await(t, app, "web", "4 workers", workersReady(4))
	if now.Workers[2].PID != w.PID || now.State != control.StateServing {
		t.Errorf("%s, worker 2 is %+v, want %d again", now.State, now.Workers[2], w.PID)
	}
	wantNoFailure(t, loadFor(t, app, 8, 200))
}

func TestRecyclingUnderLoadLosesNothing(t *testing.T) {
	app := open(t, strings.Replace(preforked, "workers: 4", "workers: 2", 1))
	old := processes(info(t, app, "web"))
	stop := load(t, app, 16)
	set(t, app, "listeners.web.prefork.recycle.max_requests=500")
	await(t, app, "web", "two new workers", func(l control.ListenerInfo) bool {
		for pid := range processes(l) {
			if old[pid] {
				return false
			}
		}
		return l.WorkersReady == 2
	})
	set(t, app, "listeners.web.prefork.recycle.max_requests=0")
	wantNoFailure(t, stop())
	if !told(t, app, " requests, limit 500 give or take a tenth") {
		t.Error("no event tells of a recycled worker")
	}
}

// A worker larger than it may be is replaced: the bound is of memory that the
// system says it holds.
func TestWorkerIsRecycledForItsMemory(t *testing.T) {
	t.Parallel()
	app := open(t, strings.Replace(preforked, "workers: 4", "workers: 1", 1))
	l := info(t, app, "web")
	if l.Workers[0].MemoryBytes < 33<<20 {
		t.Skipf("the worker holds %d bytes, which no bound reaches", l.Workers[0].MemoryBytes)
	}
	set(t, app, "listeners.web.prefork.recycle.max_memory=32MiB")
	await(t, app, "web", "another worker", func(now control.ListenerInfo) bool {
		return now.WorkersReady == 1 && now.Workers[len(now.Workers)-1].PID != l.Workers[0].PID
	})
	if !told(t, app, " bytes resident, limit 33,554,432") {
		t.Error("no event tells why")
	}
}

// A resize is kept by a reload, unless the file changed that very number.
func TestResizeSurvivesAReload(t *testing.T) {
	text := strings.Replace(preforked, "workers: 4", "workers: 2", 1)
	app, path := openFile(t, text)
	set(t, app, "listeners.web.prefork.workers=3")
	old := processes(info(t, app, "web"))
	for _, step := range []struct {
		what, text string
		workers    int
	}{
		{"the same file", text, 3},
		{"another value", strings.Replace(text, "routes:", "timeouts: {idle: 77s}\n    routes:", 1), 3},
		{"another number", strings.Replace(text, "workers: 2", "workers: 1", 1), 1},
	} {
		writeFile(t, path, step.text)
		if _, err := app.Reload(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		l := await(t, app, "web", fmt.Sprintf("%s: %d workers", step.what, step.workers), workersReady(step.workers))
		if l.WorkersWanted != step.workers {
			t.Errorf("%s: %d workers wanted, want %d", step.what, l.WorkersWanted, step.workers)
		}
		for pid := range processes(l) {
			if !old[pid] {
				t.Errorf("%s: worker %d is new", step.what, pid)
			}
		}
	}
}
