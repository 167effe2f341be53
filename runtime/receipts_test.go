//go:build unix

package runtime_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// receiptOf waits until the receipt of a result is closed.
func receiptOf(t *testing.T, app *runtime.App, r *control.Result) control.Receipt {
	t.Helper()
	if r.ID == 0 {
		t.Fatalf("%q has no receipt", r.Message)
	}
	var last *control.Receipt
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s, err := app.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if last = s.Receipt(r.ID); last != nil && last.Closed {
			return *last
		}
	}
	t.Fatalf("receipt %d is not closed: %+v", r.ID, last)
	return control.Receipt{}
}

func change(t *testing.T, app *runtime.App, edits ...string) *control.Result {
	t.Helper()
	r, err := app.Apply(t.Context(), control.Change{Patch: patch(edits...), Actor: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// perform is what an action has done.
func perform(t *testing.T, app *runtime.App, a control.Action) *control.Result {
	t.Helper()
	r, err := app.Act(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	askEvents = "GET /events HTTP/1.1\r\nHost: test\r\n\r\n"
	askChat   = "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)

// lasting opens a stream, what was taken over from HTTP, and an idle connection,
// all on web, and waits until a plan knows the stream for one.
func lasting(t *testing.T, app *runtime.App) {
	t.Helper()
	begin(t, app, askEvents, "data: 1\n\n")
	begin(t, app, askChat, "\r\n\r\n")
	idle, _ := begin(t, app, "GET /none HTTP/1.1\r\nHost: test\r\n\r\n", "\r\n\r\n")
	t.Cleanup(func() { idle.Close() })
	await(t, app, "web", "two busy connections and an idle one", func(l control.ListenerInfo) bool {
		return l.Connections.Active == 2 && l.Connections.Idle == 1
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		p, err := app.Plan(t.Context(), control.Change{Patch: patch("listeners.web.enabled=false")})
		if err != nil {
			t.Fatal(err)
		}
		if p.Listeners[0].Cut == 2 {
			if !strings.Contains(p.Summary, "2 connections are cut if still busy after") {
				t.Errorf("the plan says %q, want what is cut in it", p.Summary)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the plan of a stop is %+v, want two connections cut", p.Listeners[0])
		}
	}
}

// What outlasts the shutdown timeout is cut: the plan says so before, the receipt
// and an event after, for whatever retires a process.
func TestAReceiptTellsWhatWasCut(t *testing.T) {
	restartAll := func(t *testing.T, app *runtime.App) *control.Result {
		return perform(t, app, control.Action{Kind: control.RestartWorkers, Listener: "web"})
	}
	edit := func(edits string) func(*testing.T, *runtime.App) *control.Result {
		return func(t *testing.T, app *runtime.App) *control.Result { return change(t, app, edits) }
	}
	for name, tt := range map[string]struct {
		workers        int
		retire         func(*testing.T, *runtime.App) *control.Result
		drained, moved int
	}{
		"stop in process":        {0, edit("listeners.web.enabled=false"), 1, 0},
		"stop of workers":        {2, edit("listeners.web.enabled=false"), 1, 0},
		"from master to workers": {0, edit("listeners.web.prefork.workers=2"), 0, 1},
		"from workers to master": {1, edit("listeners.web.prefork.workers=0"), 0, 1},
		"another address":        {1, edit("listeners.web.address=127.0.0.2:0"), 1, 0},
		"restart of one": {1, func(t *testing.T, app *runtime.App) *control.Result {
			return perform(t, app, control.Action{Kind: control.RestartWorker, Listener: "web"})
		}, 0, 1},
		"restart of all": {2, restartAll, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := chatty(t, tt.workers)
			set(t, app, "listeners.web.timeouts.shutdown=1s")
			lasting(t, app)
			result := tt.retire(t, app)
			r := receiptOf(t, app, result)
			if r.Cut != 2 || r.Drained != tt.drained || r.Moved != tt.moved || r.Open != 0 || !r.AsPlanned() {
				t.Errorf("receipt %+v, want 2 cut, %d drained, %d moved, as planned", r, tt.drained, tt.moved)
			}
			if len(r.Ended) == 0 || r.Ended[len(r.Ended)-1].Listener != "web" {
				t.Errorf("ended %+v, want the listener named", r.Ended)
			}
			s, err := app.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			told := false
			for _, e := range s.Events {
				told = told || strings.Contains(e.Message, "2 cut at the deadline") || strings.Contains(e.Message, "2 connections cut at the deadline")
			}
			if !told {
				t.Errorf("no event tells of what was cut: %v", s.Events)
			}
		})
	}
}

func TestAReceiptTellsWhatNobodyNoticed(t *testing.T) {
	app := open(t, preforked)
	idleConnections(t, info(t, app, "web").Address, 8)
	r := receiptOf(t, app, change(t, app, "listeners.web.prefork.workers=2"))
	if r.Kept+r.Moved != 8 || r.Drained != 0 || r.Cut != 0 || r.Moved == 0 {
		t.Errorf("two workers fewer: %+v, want 8 connections kept or moved", r)
	}
	r = receiptOf(t, app, change(t, app, "listeners.web.timeouts.read=9s"))
	if r.Kept != 8 || r.Drained+r.Cut+r.Moved != 0 || r.String() != "no connection ended" {
		t.Errorf("another timeout: %+v, want 8 connections kept", r)
	}
	if again := change(t, app, "listeners.web.timeouts.read=9s"); again.ID != 0 {
		t.Errorf("what changes nothing has receipt %d", again.ID)
	}
}

func TestAReceiptTellsWhatACrashCut(t *testing.T) {
	app := chatty(t, 1)
	begin(t, app, askEvents, "data: 1\n\n")
	worker := info(t, app, "web").Workers[0]
	result := perform(t, app, control.Action{Kind: control.RestartWorker, Listener: "web"})
	await(t, app, "web", "the old worker drains", func(l control.ListenerInfo) bool { return len(l.Workers) == 2 })
	syscall.Kill(worker.PID, syscall.SIGKILL)
	r := receiptOf(t, app, result)
	if r.Cut != 1 || len(r.Ended) != 1 || r.Ended[0].Cause != control.EndedCrash {
		t.Errorf("receipt %+v, want one connection cut by a crash", r)
	}
}

func TestWhoEndsADrainNamesWhatIsCut(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 1} {
		app := chatty(t, workers)
		begin(t, app, askEvents, "data: 1\n\n")
		stop := change(t, app, "listeners.web.enabled=false")
		await(t, app, "web", "the stop drains", func(l control.ListenerInfo) bool {
			return len(l.Workers) > 0 && l.Workers[0].DrainDeadline != nil
		})
		now := perform(t, app, control.Action{Kind: control.DrainNow, Listener: "web", All: true})
		if now.ID != stop.ID {
			t.Errorf("the end of the drain has receipt %d, want that of the stop, %d", now.ID, stop.ID)
		}
		r := receiptOf(t, app, now)
		if r.Cut != 1 || !r.AsPlanned() || r.Ended[0].Cause != control.EndedNow {
			t.Errorf("%d workers: receipt %+v, want one connection cut because the drain was ended", workers, r)
		}
	}
}

// The one who asks for the end sees what became of the connections, and then the
// runtime is gone.
func TestTheReceiptOfAShutdownIsSeen(t *testing.T) {
	t.Parallel()
	app := chatty(t, 1)
	set(t, app, "listeners.web.timeouts.shutdown=500ms")
	begin(t, app, askEvents, "data: 1\n\n")
	idle, _ := begin(t, app, "GET /none HTTP/1.1\r\nHost: test\r\n\r\n", "\r\n\r\n")
	defer idle.Close()
	result := perform(t, app, control.Action{Kind: control.Shutdown})
	var last control.Receipt
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := app.Watch(ctx, control.WatchOptions{Interval: 100 * time.Millisecond}, func(s *control.Snapshot) {
		if r := s.Receipt(result.ID); r != nil {
			last = *r
		}
	})
	if !last.Closed || last.Cut != 1 || last.Drained != 1 {
		t.Errorf("the last seen of the shutdown is %+v (%v), want it closed, one cut and one drained", last, err)
	}
	if got, want := last.String(), "1 connection drained, 1 cut at the deadline"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
