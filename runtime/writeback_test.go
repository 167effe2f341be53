//go:build unix

package runtime_test

import (
	"os"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

const commented = `version: 1
# what we serve
listeners:
  web:
    address: 127.0.0.1:0
    timeouts: {idle: 90s}   # agreed with the balancer
    routes: [{match: /hello, respond: {body: hello}}]
`

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func persist(edits config.Patch) control.Change { return control.Change{Patch: edits, Persist: true} }

func TestPersistedChangesRunAndStandInTheFile(t *testing.T) {
	app, path := openFile(t, commented)
	result, err := app.Apply(t.Context(), persist(patch("listeners.web.timeouts.idle=7s")))
	if err != nil || !strings.Contains(result.Message, "written to rockstar.yaml") {
		t.Fatalf("%+v %v", result, err)
	}
	if want := strings.Replace(commented, "90s", "7s", 1); text(t, path) != want {
		t.Errorf("the file is\n%swant\n%s", text(t, path), want)
	}
	if l := info(t, app, "web"); l.Timeouts.Idle != "7s" {
		t.Errorf("idle timeout %s runs", l.Timeouts.Idle)
	}
	if s := status(t, app); s.State != control.ConfigInSync || len(s.Overrides) > 0 {
		t.Errorf("state %s, overrides %v", s.State, s.Overrides)
	}
	if _, err := app.Apply(t.Context(), persist(config.Patch{{Path: "listeners.web.timeouts.idle", Unset: true}})); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text(t, path), "idle") || info(t, app, "web").Timeouts.Idle != "2m0s" {
		t.Errorf("unset left %s in\n%s", info(t, app, "web").Timeouts.Idle, text(t, path))
	}
}

func TestAnOverrideCanBeWrittenLater(t *testing.T) {
	app, path := openFile(t, commented)
	set(t, app, "listeners.web.timeouts.idle=7s")
	if text(t, path) != commented {
		t.Fatal("the file was written without being asked to")
	}
	if _, err := app.Apply(t.Context(), persist(patch("listeners.web.timeouts.idle=7s"))); err != nil {
		t.Fatal(err)
	}
	if s := status(t, app); s.State != control.ConfigInSync || !strings.Contains(text(t, path), "idle: 7s}   # agreed") {
		t.Errorf("state %s, file\n%s", s.State, text(t, path))
	}
}

func TestPersistRefusesWhatItWouldSpoil(t *testing.T) {
	app, path := openFile(t, commented)
	folded := strings.Replace(commented, "127.0.0.1:0", ">-\n      127.0.0.1:0", 1)
	writeFile(t, path, folded)
	awaitStatus(t, app, "the file is read", isState(control.ConfigInSync))
	before := stable(t, app)
	_, err := app.Apply(t.Context(), persist(patch("listeners.web.address=127.0.0.1:1")))
	if err == nil || !strings.Contains(err.Error(), "edit the file by hand") {
		t.Errorf("a block of text: %v", err)
	}
	if after := stable(t, app); after != before || text(t, path) != folded {
		t.Errorf("a refused change left a trace:\n%s\n%s\n%s", before, after, text(t, path))
	}
	demo := open(t, inProcess)
	if _, err := demo.Apply(t.Context(), persist(patch("listeners.web.timeouts.idle=7s"))); err == nil || control.AsError(err).Code != control.CodeUnsupported {
		t.Errorf("without a file: %v", err)
	}
}

// TestAChangeThatCannotBeWrittenIsNotMade: either both, or neither.
func TestAChangeThatCannotBeWrittenIsNotMade(t *testing.T) {
	app, path := openFile(t, commented)
	before := stable(t, app)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Apply(t.Context(), persist(patch("listeners.web.timeouts.idle=7s"))); err == nil {
		t.Error("a change was made whose file is gone")
	}
	if info(t, app, "web").Timeouts.Idle != "1m30s" {
		t.Errorf("changed from %s to %s", before, stable(t, app))
	}
}
