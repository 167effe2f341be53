//go:build unix

package runtime_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// envCrash makes the test binary a runtime that dies: "script/step/directory".
const envCrash = "ROCKSTAR_TEST_CRASH"

// crashes are what a dying runtime does, after an override of timeouts.read.
var crashes = map[string]func(ctx context.Context, app *runtime.App) error{
	"confirm": func(ctx context.Context, app *runtime.App) error {
		return tryAnd(ctx, app, control.Action{Kind: control.Confirm})
	},
	"rollback": func(ctx context.Context, app *runtime.App) error {
		return tryAnd(ctx, app, control.Action{Kind: control.Rollback})
	},
	"write": func(ctx context.Context, app *runtime.App) error {
		_, err := app.Apply(ctx, control.Change{Persist: true, Patch: patch("listeners.web.timeouts.idle=11s", "listeners.web.timeouts.write=12s")})
		return err
	},
	"confirm and write": func(ctx context.Context, app *runtime.App) error {
		return tryAnd(ctx, app, control.Action{Kind: control.Confirm, Reason: "persist"})
	},
	"start": func(context.Context, *runtime.App) error { return nil },
}

func tryAnd(ctx context.Context, app *runtime.App, then control.Action) error {
	_, err := app.Apply(ctx, control.Change{Actor: "mallory", Confirm: config.Duration(time.Hour), Persist: then.Reason == "persist",
		Patch: patch("listeners.web.timeouts.idle=11s", "listeners.web.timeouts.write=12s")})
	if err == nil {
		_, err = app.Act(ctx, then)
	}
	return err
}

// crash is the process that dies: without a word, at a step.
func crash(order string) error {
	script, rest, _ := strings.Cut(order, "/")
	number, dir, _ := strings.Cut(rest, "/")
	die, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return err
	}
	var step atomic.Int64
	count := func(name string) {
		if step.Add(1) == die {
			fmt.Println(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if script == "start" {
		runtime.SetFailpoint(count)
	}
	ctx := context.Background()
	app, err := runtime.Open(ctx, crashOptions(dir))
	if err != nil {
		return err
	}
	if script != "start" {
		if _, err := app.Apply(ctx, control.Change{Patch: patch("listeners.web.timeouts.read=7s")}); err != nil {
			return err
		}
	}
	runtime.SetFailpoint(count)
	if err := crashes[script](ctx, app); err != nil {
		return err
	}
	fmt.Println("over")
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func crashOptions(dir string) runtime.Options {
	return runtime.Options{ConfigPath: filepath.Join(dir, "rockstar.yaml"), StateDir: filepath.Join(dir, "state"), KeepOverrides: true}
}

// dieAt runs a runtime that dies at a step, and returns the step's name; "over"
// if there are not so many.
func dieAt(t *testing.T, script string, step int, dir string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s/%d/%s", envCrash, script, step, dir))
	out, err := cmd.Output()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s, step %d: ended with %v: %s", script, step, err, out)
	}
	return strings.TrimSpace(string(out))
}

func crashPlace(t *testing.T) string {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "rockstar.yaml"), inProcess)
	return dir
}

// comesUp starts a runtime where another has died, and returns the timeouts it has.
func comesUp(t *testing.T, dir, died string) control.Timeouts {
	t.Helper()
	app := start(t, crashOptions(dir))
	s := status(t, app)
	if s.Trial != nil || s.Error != nil {
		t.Errorf("died at %q: it comes up with the trial %+v, error %v", died, s.Trial, s.Error)
	}
	if _, err := app.History(t.Context(), control.HistoryQuery{}); err != nil {
		t.Errorf("died at %q: history: %v", died, err)
	}
	for _, e := range events(t, app) {
		if e.Level == control.LevelError {
			t.Errorf("died at %q: %s", died, e.Message)
		}
	}
	timeouts := info(t, app, "web").Timeouts
	if err := app.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return timeouts
}

// writtenFile is the file after the values were written to it.
const writtenFile = inProcess + "    timeouts:\n      idle: 11s\n      write: 12s\n"

// wantFile checks that the file is one of the two, byte for byte, and tells
// whether it is the new one.
func wantFile(t *testing.T, dir, died string) (isNew bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "rockstar.yaml"))
	if err != nil || string(text) != inProcess && string(text) != writtenFile {
		t.Errorf("died at %q: the file is %q, %v", died, text, err)
	}
	return string(text) == writtenFile
}

func events(t *testing.T, app *runtime.App) []control.Event {
	t.Helper()
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Events
}

func TestKilledAtAnyStepOfATrialItComesUpOldOrNew(t *testing.T) {
	for script, end := range map[string]control.Timeouts{
		"confirm":           {Idle: "11s", Write: "12s"},
		"rollback":          {Idle: "2m0s", Write: "10s"},
		"write":             {Idle: "11s", Write: "12s"},
		"confirm and write": {Idle: "11s", Write: "12s"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			for step := 1; ; step++ {
				dir := crashPlace(t)
				died := dieAt(t, script, step, dir)
				isNew := wantFile(t, dir, died)
				got := comesUp(t, dir, died)
				old := got.Idle == "2m0s" && got.Write == "10s"
				if whole := old || got.Idle == "11s" && got.Write == "12s"; !whole || script == "rollback" && !old || got.Read != "7s" {
					t.Errorf("died at %q: it comes up with %+v, want the old or the new, and read 7s as overridden before", died, got)
				}
				if writes := strings.Contains(script, "write"); writes && isNew == old || !writes && isNew {
					t.Errorf("died at %q: new file %v, and it comes up with %+v", died, isNew, got)
				}
				if died == "over" {
					if got.Idle != end.Idle || got.Write != end.Write {
						t.Errorf("died when it was over: %+v, want %+v", got, end)
					}
					t.Logf("died at %d steps", step-1)
					return
				}
			}
		})
	}
}

// A runtime that is killed while it takes back a trial at its start does so at
// the next one.
func TestKilledAtAnyStepOfTheStartItStillTakesBack(t *testing.T) {
	for step := 1; ; step++ {
		dir := crashPlace(t)
		if died := dieAt(t, "confirm", 7, dir); !strings.Contains(died, "generation") {
			t.Fatalf("died at %q, want it in the middle of the trial", died)
		}
		died := dieAt(t, "start", step, dir)
		if got := comesUp(t, dir, died); got.Idle != "2m0s" || got.Write != "10s" || got.Read != "7s" {
			t.Errorf("died at %q: it comes up with %+v, want it as before the trial", died, got)
		}
		if died == "over" {
			t.Logf("died at %d steps", step-1)
			return
		}
	}
}
