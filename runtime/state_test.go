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
)

// openAgain opens an App and returns how to end it before the test does.
func openAgain(t *testing.T, o runtime.Options) (*runtime.App, func()) {
	t.Helper()
	app := start(t, o)
	return app, func() {
		t.Helper()
		if err := app.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func historyOf(t *testing.T, app *runtime.App, q control.HistoryQuery) []control.Generation {
	t.Helper()
	all, err := app.History(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func warnings(t *testing.T, app *runtime.App, about string) (found []string) {
	t.Helper()
	for _, e := range events(t, app) {
		if e.Level != control.LevelInfo && strings.Contains(e.Message, about) {
			found = append(found, e.Message)
		}
	}
	return found
}

func TestTheHistoryGoesOnAfterARestart(t *testing.T) {
	o := crashOptions(crashPlace(t))
	app, end := openAgain(t, o)
	set(t, app, "listeners.web.timeouts.idle=11s")
	before := historyOf(t, app, control.HistoryQuery{Config: true})
	end()
	app, _ = openAgain(t, o)
	after := historyOf(t, app, control.HistoryQuery{Config: true})
	if len(after) != len(before)+1 || after[0].Trigger != control.TriggerStart || after[0].Number != before[0].Number+1 {
		t.Fatalf("after a restart there are %d generations, the newest %+v; want one more than %d", len(after), after[0], len(before))
	}
	for i, g := range before {
		if got := after[i+1]; got.Number != g.Number || got.Config != g.Config || got.Message != g.Message || got.Running {
			t.Errorf("generation %d is %+v, want it as before: %+v", g.Number, got, g)
		}
	}
	if _, err := app.Act(t.Context(), control.Action{Kind: control.Rollback, Generation: before[1].Number}); err != nil {
		t.Fatal(err)
	}
	if got := info(t, app, "web").Timeouts.Idle; got != "2m0s" {
		t.Errorf("back at the generation of the first start, idle is %s, want 2m0s", got)
	}
}

func TestTheHistoryIsBounded(t *testing.T) {
	o := crashOptions(crashPlace(t))
	app, end := openAgain(t, o)
	first := historyOf(t, app, control.HistoryQuery{})[0].Number
	for i := range 55 {
		set(t, app, "listeners.web.limits.accept_rate="+string(rune('1'+i%9)))
	}
	for _, q := range []control.HistoryQuery{{}, {Limit: 1000}} {
		if all := historyOf(t, app, q); len(all) != 50 || all[49].Number != first+6 {
			t.Errorf("%d generations are kept, from %d on; want 50, from %d on", len(all), all[len(all)-1].Number, first+6)
		}
	}
	end()
	files, _ := filepath.Glob(filepath.Join(o.StateDir, "generation-*"))
	if len(files) != 50 {
		t.Errorf("%d files are kept, want 50", len(files))
	}
}

func TestOverridesSurviveARestartIfAskedTo(t *testing.T) {
	for _, keep := range []bool{true, false} {
		o := crashOptions(crashPlace(t))
		o.KeepOverrides = keep
		app, end := openAgain(t, o)
		if _, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.web.timeouts.idle=11s"), Actor: "alice", Reason: "why"}); err != nil {
			t.Fatal(err)
		}
		before := status(t, app).Edits
		end()
		app, _ = openAgain(t, o)
		after := status(t, app).Edits
		switch {
		case !keep && len(after) > 0:
			t.Errorf("overrides %+v survived unasked", after)
		case keep && (len(after) != 1 || after[0].Actor != "alice" || after[0].Reason != "why" || !after[0].Since.Equal(before[0].Since)):
			t.Errorf("overrides are %+v, want them as they were: %+v", after, before)
		case keep && info(t, app, "web").Timeouts.Idle != "11s":
			t.Errorf("idle is %s, want 11s as overridden", info(t, app, "web").Timeouts.Idle)
		}
	}
}

// The file was changed while no runtime ran: it wins where both changed the same value.
func TestKeptOverridesAreMergedWithTheFile(t *testing.T) {
	o := crashOptions(crashPlace(t))
	app, end := openAgain(t, o)
	set(t, app, "listeners.web.timeouts.idle=11s", "listeners.web.timeouts.write=12s")
	end()
	writeFile(t, o.ConfigPath, strings.Replace(inProcess, "routes:", "timeouts: {idle: 13s, read: 14s}\n    routes:", 1))
	app, _ = openAgain(t, o)
	got := info(t, app, "web").Timeouts
	if got.Idle != "13s" || got.Read != "14s" || got.Write != "12s" {
		t.Errorf("timeouts are %+v, want idle and read of the file and write as overridden", got)
	}
	if e := status(t, app).Edits; len(e) != 1 || e[0].Path != "listeners.web.timeouts.write" {
		t.Errorf("overrides are %+v, want the write timeout alone", e)
	}
	if w := warnings(t, app, "timeouts.idle"); len(w) != 1 {
		t.Errorf("warnings of the override that was dropped: %q, want one", w)
	}
}

func TestOverridesExpireWhileNoRuntimeRuns(t *testing.T) {
	o := crashOptions(crashPlace(t))
	app, end := openAgain(t, o)
	set(t, app, "listeners.web.timeouts.read=7s")
	c := control.Change{Patch: patch("listeners.web.timeouts.idle=11s"), Expires: config.Duration(time.Second)}
	if _, err := app.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	until := *status(t, app).Edits[0].Expires
	end()
	time.Sleep(time.Until(until)) // what is tested is that time passes without a runtime
	app, _ = openAgain(t, o)
	if got := info(t, app, "web").Timeouts; got.Idle != "2m0s" || got.Read != "7s" {
		t.Errorf("timeouts are %+v, want idle as in the file and read as overridden", got)
	}
}

func TestABrokenFileAtTheStartIsStoodInForOnlyIfAskedTo(t *testing.T) {
	o := crashOptions(crashPlace(t))
	broken := strings.Replace(inProcess, "address:", "adress:", 1)
	good := strings.Replace(inProcess, "routes:", "timeouts: {idle: 13s}\n    routes:", 1)
	app, end := openAgain(t, o)
	set(t, app, "listeners.web.timeouts.read=7s")
	ran := historyOf(t, app, control.HistoryQuery{Limit: 1})[0].Number
	end()
	writeFile(t, o.ConfigPath, broken)
	var wrong config.Errors
	if _, err := runtime.Open(t.Context(), o); !errors.As(err, &wrong) {
		t.Fatalf("opened with a broken file: %v, want its errors", err)
	}
	o.FallbackLastGood = true
	app, _ = openAgain(t, o)
	s := status(t, app)
	if s.State != control.ConfigRefused || s.Error == nil || len(s.Error.Details) == 0 || s.Error.Details[0].Line == 0 || s.Fallback != ran {
		t.Errorf("status is %+v, want refused with lines, and generation %d instead", s, ran)
	}
	if len(warnings(t, app, "the config file is broken")) != 1 {
		t.Errorf("events %+v, want one alarm", events(t, app))
	}
	if got := info(t, app, "web"); got.State != control.StateServing || got.Timeouts.Read != "7s" {
		t.Errorf("the listener is %s with %+v, want it to serve as it last did", got.State, got.Timeouts)
	}
	writeFile(t, o.ConfigPath, good)
	s = awaitStatus(t, app, "the good file", isState(control.ConfigInSync))
	if got := info(t, app, "web").Timeouts; s.Fallback != 0 || s.Error != nil || got.Idle != "13s" || got.Read != "10s" {
		t.Errorf("with a good file: fallback %d, error %v, timeouts %+v; want those of the file", s.Fallback, s.Error, got)
	}
}

func TestWithoutALastGoodGenerationABrokenFileIsAnError(t *testing.T) {
	o := crashOptions(crashPlace(t))
	o.FallbackLastGood = true
	writeFile(t, o.ConfigPath, "version: 1\nlisteners: {web: {adress: x}}\n")
	var wrong config.Errors
	if _, err := runtime.Open(t.Context(), o); !errors.As(err, &wrong) {
		t.Errorf("error %v, want those of the file", err)
	}
}

func TestWithoutAStateDirectoryAllWorksAndSaysSoOnce(t *testing.T) {
	o := crashOptions(crashPlace(t))
	writeFile(t, o.StateDir, "a file, not a directory")
	app := start(t, o)
	if err := tryAnd(t.Context(), app, control.Action{Kind: control.Rollback}); err != nil {
		t.Fatal(err)
	}
	if all := historyOf(t, app, control.HistoryQuery{}); len(all) != 3 {
		t.Errorf("history is %+v, want the start, the trial and the rollback", all)
	}
	if w := warnings(t, app, "state directory"); len(w) != 1 {
		t.Errorf("warnings %q, want one", w)
	}
}

// Two runtimes would overwrite each other's way back.
func TestAStateDirectoryBelongsToOneRuntime(t *testing.T) {
	o := crashOptions(crashPlace(t))
	start(t, o)
	if w := warnings(t, start(t, o), "another runtime uses it"); len(w) != 1 {
		t.Errorf("the second runtime warns %q, want one that says who uses the directory", w)
	}
}

func TestBrokenStateFilesAreToldAndNotUsed(t *testing.T) {
	o := crashOptions(crashPlace(t))
	app, end := openAgain(t, o)
	set(t, app, "listeners.web.timeouts.idle=11s")
	end()
	for _, name := range []string{"overrides.json", "trial.json", "generation-0000000001.json"} {
		writeFile(t, filepath.Join(o.StateDir, name), "{")
	}
	app, _ = openAgain(t, o)
	if got := info(t, app, "web").Timeouts.Idle; got != "2m0s" {
		t.Errorf("idle is %s, want 2m0s as in the file", got)
	}
	if w := warnings(t, app, "is not used"); len(w) != 3 {
		t.Errorf("warnings are %q, want one for each of three files", w)
	}
	if _, err := os.Stat(filepath.Join(o.StateDir, "trial.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the broken journal is still there: %v", err)
	}
}
