//go:build unix

package runtime_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
)

// full makes the file impossible to write, for root too: a directory that is not
// empty lies where it is prepared. mend takes it away.
func full(t *testing.T, state, name string) (mend func()) {
	t.Helper()
	at := filepath.Join(state, name+".new")
	check(t, os.MkdirAll(filepath.Join(at, "in the way"), 0o700))
	return func() { check(t, os.RemoveAll(at)) }
}

func idle(value string) config.Patch {
	return config.Patch{{Path: "listeners.web.timeouts.idle", Value: value}}
}

func keeping(t *testing.T) (app *runtime.App, state string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "rockstar.yaml")
	writeFile(t, path, `{version: 1, listeners: {web: {protocol: http, address: "127.0.0.1:0", routes: [{match: /, respond: {status: 200}}]}}}`)
	state = filepath.Join(dir, "state")
	return start(t, runtime.Options{ConfigPath: path, StateDir: state, KeepOverrides: true}), state
}

func TestATrialWhoseWayBackCannotBeKeptIsRefused(t *testing.T) {
	app, state := keeping(t)
	mend := full(t, state, "trial.json")
	before, err := app.Snapshot(t.Context())
	check(t, err)
	_, err = app.Apply(t.Context(), control.Change{Patch: idle("7s"), Confirm: config.Duration(time.Minute)})
	if !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), "nothing has changed") {
		t.Fatalf("got %v, want a refusal", err)
	}
	after, err := app.Snapshot(t.Context())
	check(t, err)
	if after.Generation != before.Generation || after.Config.Trial != nil || after.Listeners[0].Timeouts != before.Listeners[0].Timeouts {
		t.Errorf("something has changed: %+v", after.Config)
	}
	awaitProblem(t, app, problems.StateFailing)
	mend()
	result, err := app.Apply(t.Context(), control.Change{Patch: idle("7s"), Confirm: config.Duration(time.Minute)})
	if err != nil || result.Until == nil {
		t.Errorf("with room again: %+v, %v", result, err)
	}
}

func TestAnOverrideThatCannotBeKeptSaysSo(t *testing.T) {
	t.Parallel()
	app, state := keeping(t)
	mend := full(t, state, "overrides.json")
	result, err := app.Apply(t.Context(), control.Change{Patch: idle("7s")})
	check(t, err)
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "a restart forgets it") {
		t.Errorf("warnings are %q", result.Warnings)
	}
	awaitProblem(t, app, problems.StateFailing)
	mend()
	// It is kept then by itself, and the problem ends.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s, err := app.Snapshot(t.Context())
		check(t, err)
		text, _ := os.ReadFile(filepath.Join(state, "overrides.json"))
		if len(s.Problems) == 0 && strings.Contains(string(text), "7s") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("problems %+v, kept: %s", s.Problems, text)
		}
	}
}

func TestAConfirmedChangeThatARestartTakesBackSaysSo(t *testing.T) {
	app, state := keeping(t)
	_, err := app.Apply(t.Context(), control.Change{Patch: idle("7s"), Confirm: config.Duration(time.Minute)})
	check(t, err)
	journal := filepath.Join(state, "trial.json")
	check(t, os.Remove(journal))
	check(t, os.MkdirAll(filepath.Join(journal, "in the way"), 0o700))
	result, err := app.Act(t.Context(), control.Action{Kind: control.Confirm})
	check(t, err)
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "a restart rolls the change back") {
		t.Errorf("warnings are %q", result.Warnings)
	}
}
