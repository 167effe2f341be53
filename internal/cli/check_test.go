package cli_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestCheckSaysByItsExitCodeWhetherAllIsWell(t *testing.T) {
	failed := controltest.Scene("idle")
	failed.Listeners[0].State, failed.Listeners[0].Reason = control.StateFailed, "port 80: permission denied"
	for _, c := range []struct {
		name  string
		scene *control.Snapshot
		what  string
		code  int
		says  string
	}{
		{"well", controltest.Scene("idle"), "all", 0, "ok: no problems"},
		{"stopped on purpose", controltest.Scene("stopped"), "ready", 0, "ok: all listeners serve"},
		{"refused", controltest.Scene("refused"), "all", 1, "risk for "},
		{"refused but ready", controltest.Scene("refused"), "ready", 0, "ok: all listeners serve"},
		{"failed", failed, "all", 1, "hello does not serve: port 80: permission denied"},
		{"failed is not ready", failed, "ready", 1, "hello does not serve"},
		{"failed but live", failed, "live", 0, "ok: the runtime answers"},
		{"few workers are ready", controltest.Scene("crashed"), "ready", 0, "ok"},
		{"few workers", controltest.Scene("crashed"), "all", 1, "web has 3 of 4 workers"},
	} {
		p := on(t, controltest.NewFake(c.scene))
		if code := p.run(t, "check", "--for", c.what); code != c.code || !strings.Contains(p.stdout.String(), c.says) || p.stderr.Len() > 0 {
			t.Errorf("%s: code %d, want %d and %q in\n%s%s", c.name, code, c.code, c.says, &p.stdout, &p.stderr)
		}
	}
}

func TestCheckWithoutARuntimeIsNotLive(t *testing.T) {
	p := newProgram()
	p.env["ROCKSTAR_SOCKET"] = filepath.Join(t.TempDir(), "none.sock")
	for _, what := range []string{"live", "ready", "all"} {
		if code := p.run(t, "check", "--for", what); code != 1 || !strings.Contains(p.stdout.String(), "no runtime answers") {
			t.Errorf("code %d\n%s%s", code, &p.stdout, &p.stderr)
		}
	}
	if code := p.run(t, "check", "--for", "everything"); code != 2 {
		t.Errorf("code %d", code)
	}
}

func TestCheckAnswersScripts(t *testing.T) {
	p := on(t, controltest.NewFake(controltest.Scene("refused")))
	if code := p.run(t, "check", "--json"); code != 1 {
		t.Errorf("code %d", code)
	}
	var answer struct {
		OK       bool
		Reason   string
		Problems []control.Problem
	}
	if err := json.Unmarshal(p.stdout.Bytes(), &answer); err != nil || answer.OK || len(answer.Problems) != 1 || answer.Problems[0].Kind != "config" || answer.Reason != "1 problem" {
		t.Errorf("%v in %s", err, &p.stdout)
	}
}
