//go:build unix

package runtime_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func status(t *testing.T, app *runtime.App) control.ConfigStatus {
	t.Helper()
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Config
}

func awaitStatus(t *testing.T, app *runtime.App, what string, ok func(control.ConfigStatus) bool) control.ConfigStatus {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		s := status(t, app)
		if ok(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come true: %+v", what, s)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func isState(state string) func(control.ConfigStatus) bool {
	return func(s control.ConfigStatus) bool { return s.State == state }
}

func TestSavedFileTakesEffect(t *testing.T) {
	app, path := openFile(t, preforked)
	stop := load(t, app, 8)
	writeFile(t, path, strings.Replace(preforked, "workers: 4}", "workers: 2}\n    timeouts: {idle: 9s}", 1))
	await(t, app, "web", "the saved file", func(l control.ListenerInfo) bool {
		return l.WorkersWanted == 2 && l.Timeouts.Idle == "9s"
	})
	wantNoFailure(t, stop())
}

func TestBrokenFileChangesNothingAndSaysWhy(t *testing.T) {
	app, path := openFile(t, preforked)
	before := stable(t, app)
	writeFile(t, path, strings.Replace(preforked, "prefork: {workers", "prefork: {wrkers", 1))
	s := awaitStatus(t, app, "refused", isState(control.ConfigRefused))
	if s.Error == nil || len(s.Error.Details) == 0 {
		t.Fatalf("refused with %+v, want details", s.Error)
	}
	d := s.Error.Details[0]
	if d.File != path || d.Line != 6 || d.Column == 0 || d.Path != "listeners.web.prefork.wrkers" || !strings.Contains(d.Hint, "workers") {
		t.Errorf("the reason is %+v, want file, line 6, column, path and a suggestion", d)
	}
	if after := strings.Replace(stable(t, app), "config refused", "config in_sync", 1); after != before {
		t.Errorf("a broken file changed something:\nbefore %s\nafter  %s", before, after)
	}
	if _, err := app.Act(t.Context(), control.Action{Kind: control.Reload}); !errors.Is(err, control.ErrRefused) {
		t.Errorf("reload of a broken file: %v, want ErrRefused", err)
	}
	writeFile(t, path, preforked)
	awaitStatus(t, app, "in sync again", isState(control.ConfigInSync))
}

// An editor that writes in two goes, closing the file in between, is not caught
// in the middle by who asks for a reload.
func TestReloadWaitsForTheOtherHalfOfASave(t *testing.T) {
	app, path := openFile(t, inProcess)
	text := strings.Replace(inProcess, "address:", "timeouts: {idle: 21s}\n    address:", 1)
	half := len(text) - 20 // within the stats route: not YAML
	writeFile(t, path, text[:half])
	go func() {
		time.Sleep(100 * time.Millisecond)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			f.WriteString(text[half:])
			f.Close()
		}
	}()
	if _, err := app.Act(t.Context(), control.Action{Kind: control.Reload}); err != nil {
		t.Fatalf("reload in the middle of a save: %v", err)
	}
	if l := info(t, app, "web"); l.Timeouts.Idle != "21s" {
		t.Errorf("idle is %s after the reload, want the saved 21s", l.Timeouts.Idle)
	}
	awaitStatus(t, app, "in sync", isState(control.ConfigInSync))
}

func TestVanishedFileKeepsEverythingRunning(t *testing.T) {
	t.Parallel()
	app, path := openFile(t, inProcess)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s := awaitStatus(t, app, "refused", isState(control.ConfigRefused))
	if s.Error == nil || !strings.Contains(s.Error.Message, path) {
		t.Errorf("refused with %v, want the path named", s.Error)
	}
	wantNoFailure(t, loadFor(t, app, 2, 20))
	writeFile(t, path, inProcess)
	awaitStatus(t, app, "in sync again", isState(control.ConfigInSync))
}

// What an operator changed survives a reload, unless the file changed it too.
func TestReloadKeepsOverridesTheFileDoesNotTouch(t *testing.T) {
	app, path := openFile(t, preforked)
	set(t, app, "listeners.web.prefork.workers=3", "listeners.web.timeouts.idle=7s")
	if s := status(t, app); s.State != control.ConfigOverridden || len(s.Overrides) != 2 {
		t.Errorf("status is %+v, want two overrides", s)
	}
	writeFile(t, path, strings.Replace(preforked, "workers: 4}", "workers: 4}\n    timeouts: {idle: 33s, read: 44s}", 1))
	l := await(t, app, "web", "the file", func(l control.ListenerInfo) bool { return l.Timeouts.Read == "44s" })
	if l.Timeouts.Idle != "33s" {
		t.Errorf("idle is %s, want the file's 33s: both changed it", l.Timeouts.Idle)
	}
	if l.WorkersWanted != 3 {
		t.Errorf("workers wanted %d, want the operator's 3: the file did not touch it", l.WorkersWanted)
	}
	s := status(t, app)
	if s.State != control.ConfigOverridden || len(s.Overrides) != 1 || s.Overrides[0] != "listeners.web.prefork.workers" {
		t.Errorf("status is %+v, want the one override left", s)
	}
}

func TestOpenRefusesABrokenFileWithAllErrors(t *testing.T) {
	path := t.TempDir() + "/bad.yaml"
	writeFile(t, path, "version: 1\nlisteners:\n  web:\n    adress: :80\n    timeouts: {read: 10}\n")
	_, err := runtime.Open(context.Background(), runtime.Options{ConfigPath: path})
	var all config.Errors
	if !errors.As(err, &all) || len(all) < 2 {
		t.Fatalf("got %v, want every error of the file", err)
	}
}

func TestThereIsAWayBackToTheFile(t *testing.T) {
	app, _ := openFile(t, preforked)
	address := info(t, app, "web").Address
	set(t, app, "listeners.web.timeouts.idle=7s", "listeners.web.prefork.workers=3")
	unset := func(path string) {
		t.Helper()
		if _, err := app.Apply(t.Context(), control.Change{Patch: config.Patch{{Path: path, Unset: true}}}); err != nil {
			t.Fatalf("unset %s: %v", path, err)
		}
	}
	unset("listeners.web.prefork.workers")
	if l := info(t, app, "web"); l.WorkersWanted != 4 || l.Timeouts.Idle != "7s" {
		t.Errorf("%d workers wanted and idle %s, want the file's 4 and the edited 7s", l.WorkersWanted, l.Timeouts.Idle)
	}
	unset("listeners.web") // is in the file, so it stays
	if l := info(t, app, "web"); l.State != control.StateServing || l.Address != address || l.Timeouts.Idle != "2m0s" {
		t.Errorf("after unset of a listener in the file: %+v, want it as the file says", l)
	}
	set(t, app, "listeners.web.enabled=false", "listeners.extra={address: '127.0.0.1:0', routes: []}")
	if _, err := app.Act(t.Context(), control.Action{Kind: control.Reload, Discard: true}); err != nil {
		t.Fatal(err)
	}
	s := awaitStatus(t, app, "in sync", isState(control.ConfigInSync))
	if len(s.Overrides) != 0 || info(t, app, "web").State != control.StateServing {
		t.Errorf("after a discarding reload: %+v and web %s, want the file and nothing else", s, info(t, app, "web").State)
	}
}
