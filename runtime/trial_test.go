//go:build unix

package runtime_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// try puts PATH=VALUE edits on trial.
func try(t *testing.T, app *runtime.App, within time.Duration, guard *control.Guard, edits ...string) {
	t.Helper()
	c := control.Change{Patch: patch(edits...), Actor: "alice", Confirm: config.Duration(within), Guard: guard}
	if _, err := app.Apply(t.Context(), c); err != nil {
		t.Fatalf("try %v: %v", edits, err)
	}
}

func noTrial(s control.ConfigStatus) bool { return s.Trial == nil }

func act(t *testing.T, app *runtime.App, kind string) {
	t.Helper()
	if _, err := app.Act(t.Context(), control.Action{Kind: kind, Actor: "bob"}); err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
}

// A whole config on trial, with another address and a new listener, goes back
// while clients are served all the time on what it does not touch.
func TestATrialOfAWholeConfigIsTakenBackWhole(t *testing.T) {
	app := open(t, preforked+"  calm:\n    address: 127.0.0.1:0\n    routes: [{match: /, respond: {body: calm}}]\n")
	before, other := info(t, app, "calm"), freeAddress(t)
	kept := idleConnections(t, before.Address, 1)[0]
	text := strings.Replace(preforked, "workers: 4}", "workers: 2}\n    timeouts: {idle: 9s}", 1) +
		"  calm:\n    address: 127.0.0.1:0\n    routes: [{match: /, respond: {body: calm}}]\n" +
		"  extra:\n    address: " + other + "\n    routes: [{match: /, respond: {body: extra}}]\n"
	if _, err := app.Apply(t.Context(), control.Change{Config: text, Confirm: config.Duration(time.Second)}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, "http://"+other+"/"); got != "extra" {
		t.Errorf("the new listener says %q on trial", got)
	}
	s := awaitStatus(t, app, "taken back", noTrial)
	if s.State != control.ConfigInSync || len(s.Edits) != 0 {
		t.Errorf("after the trial the config is %s with edits %+v, want it in sync", s.State, s.Edits)
	}
	await(t, app, "web", "four workers again", workersReady(4))
	if got := info(t, app, "web").Timeouts.Idle; got != "2m0s" {
		t.Errorf("idle is %s again, want 2m0s", got)
	}
	if c, err := net.Dial("tcp", other); err == nil {
		c.Close()
		t.Error("the new listener still accepts")
	}
	if after := info(t, app, "calm"); after.Address != before.Address || after.Connections.Total != before.Connections.Total+1 {
		t.Errorf("the listener that was not touched is %+v, want it as before: %+v", after, before)
	}
	fmt.Fprintf(kept, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	kept.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := kept.Read(make([]byte, 1)); n != 1 {
		t.Errorf("a connection of the listener that was not touched: %v", err)
	}
}

// Whatever is saved during a trial waits for its end and then takes effect, on
// top of what was confirmed or of what was before.
func TestAFileSavedDuringATrialWaitsForItsEnd(t *testing.T) {
	for _, end := range []string{control.Confirm, control.Rollback} {
		t.Run(end, func(t *testing.T) {
			app, path := openFile(t, inProcess)
			try(t, app, time.Hour, nil, "listeners.web.timeouts.idle=11s", "listeners.web.timeouts.read=12s")
			writeFile(t, path, strings.Replace(inProcess, "routes:", "timeouts: {read: 13s, write: 14s}\n    routes:", 1))
			s := awaitStatus(t, app, "the file is held", func(s control.ConfigStatus) bool { return s.Held != nil })
			if !s.Held.Trial || len(s.Held.Changes) != 2 || s.Held.Reason == "" || s.State != control.ConfigPending {
				t.Errorf("held is %+v in state %s, want two pending changes that wait for the trial", s.Held, s.State)
			}
			if got := info(t, app, "web").Timeouts; got.Write != "10s" || got.Read != "12s" {
				t.Errorf("during the trial timeouts are %+v, want them untouched by the file", got)
			}
			_, err := app.Act(t.Context(), control.Action{Kind: control.AcceptHeld})
			if !errors.Is(err, control.ErrConflict) {
				t.Errorf("accepting what waits for a trial: %v, want a conflict", err)
			}
			act(t, app, end)
			idle := map[string]string{control.Confirm: "11s", control.Rollback: "2m0s"}[end]
			if got := info(t, app, "web").Timeouts; got.Idle != idle || got.Read != "13s" || got.Write != "14s" {
				t.Errorf("after the trial timeouts are %+v, want idle %s and read and write of the file", got, idle)
			}
			if s := status(t, app); s.Held != nil || s.Error != nil {
				t.Errorf("after the trial %+v is held, error %v", s.Held, s.Error)
			}
		})
	}
}

func TestAFileSavedAsItWasIsNotHeld(t *testing.T) {
	app, path := openFile(t, inProcess)
	try(t, app, time.Hour, nil, "listeners.web.timeouts.idle=11s")
	writeFile(t, path, strings.Replace(inProcess, "routes:", "timeouts: {read: 13s}\n    routes:", 1))
	awaitStatus(t, app, "the file is held", func(s control.ConfigStatus) bool { return s.Held != nil })
	writeFile(t, path, "nonsense")
	awaitStatus(t, app, "nonsense is refused", isState(control.ConfigRefused))
	writeFile(t, path, inProcess)
	awaitStatus(t, app, "nothing is held", func(s control.ConfigStatus) bool { return s.Held == nil && s.Error == nil })
	act(t, app, control.Confirm)
	if got := info(t, app, "web").Timeouts; got.Idle != "11s" || got.Read != "10s" {
		t.Errorf("timeouts are %+v, want the confirmed one and no other", got)
	}
}

func TestAGuardEndsATrialAtOnce(t *testing.T) {
	t.Parallel()
	failing := strings.Replace(preforked, "respond: {body:", "respond: {status: 500, body:", 1)
	t.Run("errors", func(t *testing.T) {
		app := open(t, inProcess)
		url := "http://" + info(t, app, "web").Address + "/hello"
		c := control.Change{Config: strings.Replace(failing, "prefork: {workers: 4}", "enabled: true", 1),
			Confirm: config.Duration(time.Hour), Guard: &control.Guard{Errors: 3}}
		if _, err := app.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			get(t, url)
		}
		endedBy(t, app, "3 errors")
		if res, err := http.Get(url); err != nil || res.StatusCode != 200 {
			t.Errorf("after the trial: %v, %v, want 200", res, err)
		} else {
			res.Body.Close()
		}
	})
	t.Run("share", func(t *testing.T) {
		app := open(t, inProcess)
		url := "http://" + info(t, app, "web").Address + "/hello"
		c := control.Change{Config: strings.Replace(failing, "prefork: {workers: 4}", "enabled: true", 1),
			Confirm: config.Duration(time.Hour), Guard: &control.Guard{ErrorPercent: 50}}
		if _, err := app.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			get(t, url)
		}
		endedBy(t, app, "% errors in 20 requests")
	})
	t.Run("crashes", func(t *testing.T) {
		app := open(t, preforked)
		await(t, app, "web", "workers", workersReady(4))
		try(t, app, time.Hour, &control.Guard{Crashes: 1}, "listeners.web.timeouts.idle=11s")
		syscall.Kill(info(t, app, "web").Workers[0].PID, syscall.SIGKILL)
		endedBy(t, app, "the crash of a worker")
	})
	t.Run("refused", func(t *testing.T) {
		app := open(t, inProcess)
		try(t, app, time.Hour, &control.Guard{Refused: 2}, "listeners.web.limits.max_connections=1")
		idleConnections(t, info(t, app, "web").Address, 1)
		for range 2 {
			c, err := net.Dial("tcp", info(t, app, "web").Address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		endedBy(t, app, "2 refused connections")
		if got := info(t, app, "web").Limits.MaxConnections; got != 10000 {
			t.Errorf("the limit is %d, want 10000 again", got)
		}
	})
}

// What clients do wrong, and clients that leave, say nothing about a change.
func TestAGuardLetsClientsFail(t *testing.T) {
	app := open(t, inProcess)
	at := info(t, app, "web").Address
	try(t, app, time.Hour, &control.Guard{Errors: 3}, `listeners.web.routes=[{match: "/", respond: {status: 500}}]`)
	for _, request := range []string{"nonsense\r\n\r\n", "GET /hello HTTP/1.1\r\nHo"} {
		for range 20 {
			c, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, request)
			if strings.Contains(request, "nonsense") {
				io.Copy(io.Discard, c)
			}
			c.Close()
		}
	}
	got := await(t, app, "web", "the failures", func(l control.ListenerInfo) bool { return l.Failures.Client+l.Failures.Canceled == 40 })
	if want := (control.Failures{Client: 20, Canceled: 20}); got.Failures != want || got.Errors != 0 {
		t.Errorf("failures %+v and %d errors, want %+v and none", got.Failures, got.Errors, want)
	}
	for range 3 {
		get(t, "http://"+at+"/hello")
	}
	endedBy(t, app, "after 3 errors")
}

// endedBy waits until the guard has ended the trial, and looks why.
func endedBy(t *testing.T, app *runtime.App, why string) {
	t.Helper()
	awaitStatus(t, app, "the guard ends the trial", noTrial)
	g := historyOf(t, app, control.HistoryQuery{Limit: 1})[0]
	if g.Trigger != control.TriggerGuard || !strings.Contains(g.Message, why) {
		t.Errorf("the newest generation is %s: %s, want the guard's because of %q", g.Trigger, g.Message, why)
	}
}

// An address that somebody else has taken meanwhile: the trial goes on, says
// why, and is taken back as soon as that is possible.
func TestATrialThatCannotBeTakenBackYetSaysWhy(t *testing.T) {
	was, other := freeAddress(t), freeAddress(t)
	app := open(t, strings.Replace(inProcess, "127.0.0.1:0", was, 1))
	try(t, app, time.Hour, nil, "listeners.web.address="+other)
	await(t, app, "web", "the new address", func(l control.ListenerInfo) bool { return l.Address == other })
	var squatter net.Listener
	for deadline := time.Now().Add(10 * time.Second); squatter == nil; { // the old socket is closed when its queue is empty
		var err error
		if squatter, err = net.Listen("tcp", was); err != nil && time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	_, err := app.Act(t.Context(), control.Action{Kind: control.Rollback})
	if !errors.Is(err, control.ErrRefused) {
		t.Errorf("a rollback to an address in use: %v, want it refused", err)
	}
	if s := status(t, app); s.Trial == nil || s.Trial.Error == "" || info(t, app, "web").Address != other {
		t.Errorf("the trial is %+v on %s, want it to go on and say why", s.Trial, info(t, app, "web").Address)
	}
	squatter.Close()
	act(t, app, control.Rollback)
	if got := info(t, app, "web").Address; got != was {
		t.Errorf("address is %s, want %s again", got, was)
	}
}

func TestWhoWaitsTooLongIsToldForWhom(t *testing.T) {
	defer runtime.SetChangeWait(50 * time.Millisecond)()
	app := open(t, inProcess)
	reached, goOn, done := make(chan bool, 1), make(chan bool), make(chan error, 1)
	runtime.SetFailpoint(func(step string) {
		if step == "prepared" {
			reached <- true
			<-goOn
		}
	})
	change := control.Change{Patch: patch("listeners.web.timeouts.idle=11s"), Actor: "alice"}
	go func() {
		_, err := app.Apply(t.Context(), change)
		done <- err
	}()
	<-reached
	_, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.web.timeouts.idle=12s"), Actor: "bob"})
	if !errors.Is(err, control.ErrConflict) || !strings.Contains(err.Error(), "alice has been changing something since") {
		t.Errorf("a change behind one that takes too long: %v, want a conflict that names alice and since when", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	runtime.SetFailpoint(func(string) {})
	set(t, app, "listeners.web.timeouts.idle=13s")
}

// Of four listeners the change touches three, and only the last cannot be had:
// nothing has changed, and the fourth never noticed.
func TestAFailureInTheLastListenerUndoesAll(t *testing.T) {
	squatter := listen(t)
	const text = `
version: 1
listeners:
  a: {address: "127.0.0.1:0", prefork: {workers: 2}, routes: [{match: /, respond: {body: old}}]}
  b: {address: "127.0.0.1:0", prefork: {workers: 2}, routes: [{match: /, respond: {body: old}}]}
  calm: {address: "127.0.0.1:0", routes: [{match: GET /hello, respond: {body: calm}}]}
  z: {address: "127.0.0.1:0", routes: [{match: /, respond: {body: old}}]}
`
	app := open(t, text)
	for _, name := range []string{"a", "b"} {
		await(t, app, name, "two workers", workersReady(2))
	}
	before := map[string]control.ListenerInfo{}
	for _, name := range []string{"a", "b", "calm", "z"} {
		before[name] = info(t, app, name)
	}
	idleConnections(t, before["calm"].Address, 10)
	revision := historyOf(t, app, control.HistoryQuery{})[0].Revision
	to := strings.ReplaceAll(text, "body: old", "body: new")
	to = strings.Replace(to, "prefork: {workers: 2}", "prefork: {workers: 4}", 1)
	to = strings.Replace(to, `z: {address: "127.0.0.1:0"`, `z: {address: "`+squatter.Addr().String()+`"`, 1)
	_, err := app.Apply(t.Context(), control.Change{Config: to, Actor: "alice"})
	if !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), "z") {
		t.Fatalf("a change whose last listener cannot be bound: %v, want it refused and z named", err)
	}
	for name, was := range before { // what was prepared may still drain
		now := await(t, app, name, "as many workers as before", workersReady(was.WorkersReady))
		if now.Address != was.Address || now.State != was.State || now.WorkersWanted != was.WorkersWanted || !sameWorkers(now, was) {
			t.Errorf("%s is %+v, want it as before: %+v", name, now, was)
		}
		if name != "calm" {
			if got := get(t, "http://"+now.Address+"/"); got != "old" {
				t.Errorf("%s says %q, want old", name, got)
			}
		}
	}
	if calm := info(t, app, "calm").Connections; calm.Idle != 10 || calm.Total != 10 {
		t.Errorf("the listener that was not touched has %+v, want its 10 connections", calm)
	}
	g := historyOf(t, app, control.HistoryQuery{})
	if g[0].Result != control.ResultRefused || g[0].Actor != "alice" || g[0].Revision != revision || !g[1].Running || len(g[0].Changes) == 0 {
		t.Errorf("the history is %+v, want the refused change of alice at revision %d", g, revision)
	}
}

func sameWorkers(a, b control.ListenerInfo) bool {
	if len(a.Workers) != len(b.Workers) {
		return false
	}
	for i := range a.Workers {
		if a.Workers[i].PID != b.Workers[i].PID {
			return false
		}
	}
	return true
}

// After the trial the save is like any other: one that removes much is decided on.
func TestASaveThatWaitedForATrialIsStillDecidedOn(t *testing.T) {
	app, path := openFile(t, inProcess)
	try(t, app, time.Hour, nil, "listeners.web.timeouts.idle=11s")
	writeFile(t, path, strings.Replace(inProcess, "  web:", "  other:", 1))
	awaitStatus(t, app, "the file is held", func(s control.ConfigStatus) bool { return s.Held != nil && s.Held.Trial })
	act(t, app, control.Confirm)
	if h := status(t, app).Held; h == nil || h.Trial || !strings.Contains(h.Reason, "removes") {
		t.Errorf("after the trial held is %+v, want the removal to wait for a decision", h)
	}
	act(t, app, control.AcceptHeld)
	await(t, app, "other", "the other listener", func(l control.ListenerInfo) bool { return l.State == control.StateServing })
}

func TestATrialTakenBackLeavesWhoOverrodeBefore(t *testing.T) {
	app := open(t, inProcess)
	c := control.Change{Patch: patch("listeners.web.timeouts.idle=11s"), Actor: "carol", Reason: "load test", Expires: config.Duration(time.Hour)}
	if _, err := app.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before := status(t, app).Edits[0]
	try(t, app, time.Hour, nil, "listeners.web.timeouts.idle=12s")
	act(t, app, control.Rollback)
	after := status(t, app).Edits
	if len(after) != 1 || after[0].Actor != "carol" || after[0].Reason != "load test" || !after[0].Since.Equal(before.Since) ||
		after[0].Expires == nil || !after[0].Expires.Equal(*before.Expires) {
		t.Errorf("overrides are %+v, want %+v as before the trial", after, before)
	}
}
