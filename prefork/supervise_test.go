//go:build unix

package prefork_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

func TestKilledWorkerIsReplacedAndTheOthersUntouched(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(3)
	before := r.ready()
	signalTo(t, before[1].PID, sigKill)
	until(t, "worker 1 is another", func() bool {
		w := r.ready()
		return len(w) == 3 && w[1].PID != before[1].PID
	})
	after := r.ready()
	if after[0] != before[0] || after[2] != before[2] {
		t.Errorf("the others are %+v and %+v, were %+v and %+v", after[0], after[2], before[0], before[2])
	}
	if after[1].Restarts != 1 || after[1].LastExit != "signal: killed" {
		t.Errorf("worker 1 is %+v, want 1 restart after signal: killed", after[1])
	}
	until(t, "one crash is told", func() bool { return r.count(prefork.Crashed) == 1 })
}

// A worker that no longer accepts has connections in its queue. When it dies
// they must find their way to another.
func TestQueueOfAKilledWorkerIsServedByOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.Backoff.First = time.Minute })
	r.resize(2)
	w := r.ready()
	if r.sockets.Steering() == "shared" {
		t.Skip("one queue for all")
	}
	stop(t, w[0].PID)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			pid, _, err := ask(r.sockets.addr, "get")
			if err != nil || pid != w[1].PID {
				t.Errorf("answer of %d, %v; want one of %d", pid, err, w[1].PID)
			}
		})
	}
	waiting := func() uint64 { served, _ := r.totals(); return 40 - served }
	until(t, "only the stopped one's queue is left", func() bool {
		before := waiting()
		time.Sleep(50 * time.Millisecond)
		return before < 40 && before == waiting()
	})
	queued := waiting()
	signalTo(t, w[0].PID, sigKill)
	wg.Wait()
	_, passed := r.totals()
	t.Logf("%d of 40 waited in the queue of the killed worker, %d were passed on", queued, passed)
	if queued == 0 || passed != queued {
		t.Errorf("%d connections were passed on, want the %d queued ones", passed, queued)
	}
	if s := r.Workers()[0]; s.State != prefork.Waiting || s.NextStart.IsZero() || s.PID != 0 {
		t.Errorf("worker 0 is %+v, want one in backoff", s)
	}
}

func TestCrashLoopBacksOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) {
		c.Backoff = prefork.Backoff{First: 20 * time.Millisecond, Most: 500 * time.Millisecond}
	})
	r.resize(2)
	if err := r.Update(context.Background(), orders{Version: "b", ExitFrom: 5}.bytes()); err != nil {
		t.Fatal(err)
	}
	healthy := r.ready()[0]
	// From now on worker 1 exits at every start.
	end := loopWorker1(t, r)
	began := time.Now()
	until(t, "six starts have failed", func() bool { return r.count(prefork.Crashed) >= 6 })
	took := time.Since(began)
	// The pauses are 20, 40, 80, 160, 320 ms, less a fifth.
	if took < 450*time.Millisecond {
		t.Errorf("six starts within %s: no backoff", took)
	}
	if got := r.ready(); len(got) != 1 || got[0].PID != healthy.PID {
		t.Errorf("ready are %+v, want worker 0 untouched", got)
	}
	end()
	if err := r.Restart(context.Background(), 1); err != nil {
		t.Errorf("a restart does not end the backoff: %v", err)
	}
}

// loopWorker1 lets worker 1 crash at every start until end is called.
func loopWorker1(t *testing.T, r *rig) (end func()) {
	t.Helper()
	flag := t.TempDir() + "/crash"
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Update(context.Background(), orders{Version: "c", CrashWhile: flag}.bytes()); err != nil {
		t.Fatal(err)
	}
	signalTo(t, r.ready()[1].PID, sigKill)
	return func() { os.Remove(flag) }
}

func TestCrashTellsWhatWasPrinted(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := newRig(t, func(c *prefork.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	r.resize(1)
	if _, _, err := ask(r.sockets.addr, "crash"); err == nil {
		t.Error("the crash was answered")
	}
	until(t, "the crash is told", func() bool { return r.count(prefork.Crashed) == 1 })
	for _, e := range r.drainSent() {
		if e.State == prefork.Crashed && (!strings.Contains(e.Tail, "told to crash") || !strings.Contains(e.Message, "exit status 7")) {
			t.Errorf("the event is %+v, want the exit status and the last words", e)
		}
	}
	if got := log.String(); !strings.Contains(got, `msg="told to crash" listener=web worker=0 pid=`) {
		t.Errorf("the log is %q, want the line and whose it is", got)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestTerminatedWorkerIsDrainedAndReplaced(t *testing.T) {
	r := newRig(t, nil)
	r.resize(2)
	l := startLoad(r.sockets.addr, 4)
	for range 3 {
		old := r.ready()[0]
		signalTo(t, old.PID, sigTerm)
		until(t, "worker 0 is another", func() bool {
			w := r.ready()
			return len(w) == 2 && w[0].ID == 0 && w[0].PID != old.PID
		})
	}
	if ok, failed := l.stop(); failed != 0 || ok == 0 {
		t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
	}
	if n := r.count(prefork.Crashed); n != 0 {
		t.Errorf("%d crashes were told, want none", n)
	}
}

func TestWorkerThatCannotBeStartedIsAnError(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) {
		c.Command = func() *exec.Cmd { return exec.Command("/nonexistent/program") }
	})
	err := r.Resize(context.Background(), 2)
	if !strings.Contains(errText(err), "worker 0: start a process: ") {
		t.Errorf("Resize = %v, want what could not be started", err)
	}
}

func errText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func TestProgramThatIsNoWorkerIsTakenBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) {
		c.Command = func() *exec.Cmd { return exec.Command("/bin/sh", "-c", "echo I serve nothing; exit 0") }
	})
	err := r.Resize(context.Background(), 1)
	if !strings.Contains(errText(err), "I serve nothing") {
		t.Errorf("Resize = %v, want what it printed", err)
	}
}

func TestWorkersHaveASessionAndAnEnvironmentOfTheirOwn(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/notify")
	r := newRig(t, nil)
	r.resize(2)
	pid := r.ready()[1].PID
	if sid := sessionOf(t, pid); sid != pid {
		t.Errorf("worker %d is in session %d, want its own", pid, sid)
	}
	env, err := r.Call(context.Background(), pid, "env", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{"NOTIFY_SOCKET", "ROCKSTAR_TUI_WORKER"} {
		if strings.Contains(string(env), unwanted) {
			t.Errorf("a worker sees %s", unwanted)
		}
	}
	if !strings.Contains(string(env), "GOMAXPROCS=") {
		t.Error("a worker is not told its share of the processors")
	}
	title, err := r.Call(context.Background(), pid, "title", nil)
	if err != nil || !strings.HasSuffix(string(title), ": worker web/1") {
		t.Errorf("its title is %q, %v", title, err)
	}
}

func TestCallsAreAnsweredAndBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(1)
	pid := r.ready()[0].PID
	big := bytes.Repeat([]byte("x"), 2<<20)
	got, err := r.Call(context.Background(), pid, "echo", big)
	if err != nil || !bytes.Equal(got, big) {
		t.Errorf("echo of %d bytes = %d bytes, %v", len(big), len(got), err)
	}
	if _, err := r.Call(context.Background(), pid, "nonsense", nil); !strings.Contains(errText(err), "no call nonsense") {
		t.Errorf("nonsense = %v, want the worker's words", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.Call(ctx, pid, "hang", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang = %v, want the deadline", err)
	}
	if _, err := r.Call(context.Background(), 1, "echo", nil); !errors.Is(err, prefork.ErrNoWorker) {
		t.Errorf("a call to pid 1 = %v, want ErrNoWorker", err)
	}
	if _, err := r.Call(context.Background(), pid, "echo", make([]byte, prefork.MaxPayload+1)); err == nil {
		t.Error("a call beyond MaxPayload succeeded")
	}
}

func TestConnectRefusesAProcessThatIsNoWorker(t *testing.T) {
	t.Parallel()
	if prefork.IsWorker() {
		t.Error("the test believes to be a worker")
	}
	if _, err := prefork.Connect(); !errors.Is(err, prefork.ErrNotWorker) {
		t.Errorf("Connect = %v, want ErrNotWorker", err)
	}
	for marker, want := range map[string]string{
		"1":       "unset it",
		"0 8 web": "descriptor 3 should be the control socket",
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ROCKSTAR_TUI_WORKER="+marker)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("with marker %q: %v, %s; want %q", marker, err, out, want)
		}
	}
}

// A stopped worker takes nothing from its control socket. Whatever is sent to
// it must end in time.
func TestStoppedWorkerBlocksNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.AckTimeout = time.Second })
	r.resize(2)
	stopped := r.ready()[1].PID
	stop(t, stopped)
	err := r.Update(context.Background(), orders{Version: "b"}.bytes())
	if !strings.Contains(errText(err), "worker 1 has not answered within 1s") {
		t.Errorf("Update = %v, want who has not answered", err)
	}
	signalTo(t, stopped, sigCont)
	for _, w := range r.ready() {
		until(t, "every worker has the old settings", func() bool {
			return r.settingsTaken(w.PID) == 3
		})
	}
	for range 20 {
		if _, version := r.ask("get"); version != "a" {
			t.Fatalf("version %s is served, want the old one", version)
		}
	}
	// One that never reads again is killed and replaced.
	stop(t, stopped)
	for range 400 {
		go r.Call(context.Background(), stopped, "echo", make([]byte, 64<<10))
	}
	until(t, "the worker that reads nothing is replaced", func() bool {
		w := r.ready()
		return len(w) == 2 && w[1].PID != stopped
	})
}

// settingsTaken by the worker with this pid.
func (r *rig) settingsTaken(pid int) (n uint64) {
	r.Each(func(s prefork.Status, memory []byte) {
		if s.PID == pid {
			n = countsOf(memory).Settings.Load()
		}
	})
	return n
}

// A connection on its way from the master to a worker is not lost with it.
func TestPassedConnectionsSurviveTheWorkerThatNeverTookThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.Backoff.First = 200 * time.Millisecond })
	r.resize(2)
	w := r.ready()
	stop(t, w[0].PID)
	stop(t, w[1].PID)
	var wg sync.WaitGroup
	for range 10 {
		c, err := net.Dial("tcp", r.sockets.addr)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer c.Close()
			if _, _, err := say(c, "get"); err != nil {
				t.Errorf("a connection was lost: %v", err)
			}
		})
	}
	signalTo(t, w[0].PID, sigKill)
	until(t, "the queue of worker 0 goes to worker 1", func() bool { return r.Workers()[0].PID != w[0].PID })
	signalTo(t, w[1].PID, sigKill)
	wg.Wait()
}

// Connections in a queue whose worker is gone wait for the next, and one that is
// held between two processes is not lost.
func TestConnectionsSurviveTheOnlyWorker(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.Backoff.Most = 50 * time.Millisecond })
	r.resize(1)
	for range 5 {
		stop(t, r.ready()[0].PID)
		c, err := net.Dial("tcp", r.sockets.addr)
		if err != nil {
			t.Fatal(err)
		}
		signalTo(t, r.ready()[0].PID, sigKill)
		if _, _, err := say(c, "get"); err != nil {
			t.Errorf("the waiting connection was lost: %v", err)
		}
		c.Close()
		until(t, "a worker is ready", func() bool { return len(r.ready()) == 1 })
	}
}
