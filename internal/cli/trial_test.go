package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/cli"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

const setIdle = "set listeners.web.timeouts.idle=2s"

func TestHowLongAChangeLastsIsPartOfIt(t *testing.T) {
	for args, want := range map[string]control.Change{
		setIdle + " --confirm 60s":                                    {Confirm: config.Duration(time.Minute)},
		setIdle + " --for 30m":                                        {Expires: config.Duration(30 * time.Minute)},
		setIdle + " --persist":                                        {Persist: true},
		"stop web --no-wait --confirm 5s":                             {Confirm: config.Duration(5 * time.Second)},
		setIdle + " --confirm 60s --guard errors=5,crashes=1":         {Confirm: config.Duration(time.Minute), Guard: &control.Guard{Errors: 5, Crashes: 1}},
		setIdle + " --confirm 9s --guard error_percent=2.5,refused=7": {Confirm: config.Duration(9 * time.Second), Guard: &control.Guard{ErrorPercent: 2.5, Refused: 7}},
	} {
		fake := controltest.NewFake(scene())
		p := on(t, fake)
		if code := p.run(t, strings.Fields(args)...); code != 0 {
			t.Errorf("%s: exit code %d, stderr %s", args, code, &p.stderr)
			continue
		}
		got := fake.Changes()[0]
		if got.Confirm != want.Confirm || got.Expires != want.Expires || got.Persist != want.Persist ||
			(got.Guard == nil) != (want.Guard == nil) || got.Guard != nil && *got.Guard != *want.Guard {
			t.Errorf("%s: got %+v, want %+v", args, got, want)
		}
		if told := strings.Contains(p.stdout.String(), "rockstar-tui confirm keeps it"); told != (want.Confirm != 0) {
			t.Errorf("%s: says %q", args, &p.stdout)
		}
	}
}

func TestWrongGuardsAreUsageErrors(t *testing.T) {
	for _, guard := range []string{"errors", "errors=", "errors=x", "errors=0", "errors=-1", "errors=1.5", "wishes=3", "errors=1,,", "errors=NaN", "errors=1e300"} {
		fake := controltest.NewFake(scene())
		p := on(t, fake)
		if code := p.run(t, append(strings.Fields(setIdle), "--confirm", "9s", "--guard", guard)...); code != 2 || len(fake.Changes()) > 0 {
			t.Errorf("%q: exit code %d, changes %+v; want 2 and none", guard, code, fake.Changes())
		}
	}
}

func TestATrialIsConfirmedAndTakenBackByCommand(t *testing.T) {
	fake := controltest.NewFake(scene())
	p := on(t, fake)
	if code := p.run(t, "confirm"); code != 1 || !strings.Contains(p.stderr.String(), "no trial") {
		t.Errorf("confirm without a trial: exit code %d, %s", code, &p.stderr)
	}
	for _, end := range []string{"confirm", "rollback"} {
		p.run(t, append(strings.Fields(setIdle), "--confirm", "60s", "--guard", "errors=5", "--reason", "a try")...)
		p.run(t, "status")
		for _, want := range []string{"on trial by ", "for 1m0s more: 1 value; confirm keeps it", "its guard rolls it back at 5 errors"} {
			if !strings.Contains(p.stdout.String(), want) {
				t.Errorf("status has no %q in\n%s", want, &p.stdout)
			}
		}
		if code := p.run(t, "set", "listeners.web.timeouts.read=1s"); code != 4 {
			t.Errorf("a change during a trial: exit code %d, want 4: %s", code, &p.stderr)
		}
		if code := p.run(t, end, "--reason", "done", "--json"); code != 0 {
			t.Errorf("%s: exit code %d, %s", end, code, &p.stderr)
		}
		var r control.Result
		if err := json.Unmarshal(p.stdout.Bytes(), &r); err != nil || r.Message == "" {
			t.Errorf("%s: got %s, %v", end, &p.stdout, err)
		}
		p.run(t, "unset", "listeners.web.timeouts.idle")
	}
	if a := fake.Actions(); len(a) != 3 || a[1].Kind != control.Confirm || a[2].Kind != control.Rollback || a[2].Reason != "done" || a[2].Actor == "" {
		t.Errorf("actions are %+v", a)
	}
}

func TestStatusShowsOverridesInColumns(t *testing.T) {
	p := on(t, controltest.NewFake(scene()))
	p.run(t, append(strings.Fields(setIdle), "--for", "30m", "--reason", "load test")...)
	p.run(t, "status")
	if out := strings.Join(strings.Fields(p.stdout.String()), " "); !strings.Contains(out, "listeners.web.timeouts.idle 2m0s 2s 0s 30m0s") ||
		!strings.Contains(out, "(load test)") {
		t.Errorf("no row of the override in\n%s", &p.stdout)
	}
}

func TestApplySendsTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new.yaml")
	if err := os.WriteFile(file, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fake := controltest.NewFake(scene())
	p := on(t, fake)
	if code := p.run(t, "apply", file, "--confirm", "60s", "--if-generation", "7"); code != 0 {
		t.Errorf("exit code %d, %s", code, &p.stderr)
	}
	if c := fake.Changes(); len(c) != 1 || c[0].Config != "version: 1\n" || c[0].Base != 7 || c[0].Confirm != config.Duration(time.Minute) || c[0].Actor == "" {
		t.Errorf("changes are %+v, want the file's text on trial", c)
	}
	if code := p.run(t, "apply", file+".none"); code != 1 || len(fake.Changes()) != 1 {
		t.Errorf("a file that is not there: exit code %d", code)
	}
}

func TestTheHistoryIsListedComparedAndGoneBackTo(t *testing.T) {
	fake := controltest.NewFake(scene())
	p := on(t, fake)
	p.run(t, append(strings.Fields(setIdle), "--reason", "a try")...)
	p.run(t, "config", "history")
	out := p.stdout.String()
	if lines := strings.Split(out, "\n"); len(lines) < 3 || !strings.Contains(lines[0], "TOOK") || !strings.Contains(lines[1], "*8") ||
		!strings.Contains(lines[1], "change") || !strings.Contains(lines[1], "listeners.web.timeouts.idle 2m0s -> 2s: ") || !strings.Contains(lines[1], "(a try)") || !strings.Contains(lines[2], "start") {
		t.Errorf("history is\n%s", out)
	}
	var doc struct{ Generations []control.Generation }
	p.run(t, "config", "history", "-n", "1", "--json")
	if err := json.Unmarshal(p.stdout.Bytes(), &doc); err != nil || len(doc.Generations) != 1 || doc.Generations[0].Number != 8 {
		t.Errorf("history --json is %s, %v", &p.stdout, err)
	}
	p.run(t, "config", "history", "8")
	if out := p.stdout.String(); !strings.Contains(out, "listeners.web.timeouts.idle") || !strings.Contains(out, "why: a try") || !strings.Contains(out, "version: 1") {
		t.Errorf("generation 8 is\n%s", out)
	}
	for _, args := range []string{"config diff 7 8", "config diff 7"} {
		var d struct {
			From, To uint64
			Changes  []config.Change
		}
		code := p.run(t, append(strings.Fields(args), "--json")...)
		if err := json.Unmarshal(p.stdout.Bytes(), &d); code != 0 || err != nil || d.From != 7 || d.To != 8 || d.Changes == nil {
			t.Errorf("%s: exit code %d, %s, %v", args, code, &p.stdout, err)
		}
	}
	for args, code := range map[string]int{"config rollback 7": 0, "rollback 7 --json": 0, "rollback 99": 1, "rollback x": 2, "config rollback": 2, "config diff 0 1": 2, "config history 99": 1} {
		if got := p.run(t, strings.Fields(args)...); got != code {
			t.Errorf("%s: exit code %d, want %d: %s", args, got, code, &p.stderr)
		}
	}
	if s, err := fake.Snapshot(t.Context()); err != nil || find(s, "web").Timeouts.Idle != "2m0s" {
		t.Errorf("after the rollback: %v, idle %s", err, find(s, "web").Timeouts.Idle)
	}
}

func TestAHeldSaveIsDecidedByCommand(t *testing.T) {
	for _, verb := range []string{"accept", "reject"} {
		s := scene()
		s.Config.Held = &control.Held{Since: s.Time, Reason: "it removes web", Summary: "web stops",
			Changes: []config.Change{{Path: "listeners.web", From: "{}", Effect: config.Drain}}}
		fake := controltest.NewFake(s)
		p := on(t, fake)
		for _, args := range []string{"status", "held"} {
			p.run(t, args)
			if out := p.stdout.String(); !strings.Contains(out, "it removes web; web stops") || !strings.Contains(out, "held accept applies it") {
				t.Errorf("%s does not tell what is held:\n%s", args, out)
			}
		}
		if code := p.run(t, "held", verb, "--reason", "meant"); code != 0 || fake.Actions()[0].Kind != verb+"_held" || fake.Actions()[0].Reason != "meant" {
			t.Errorf("held %s: exit code %d, actions %+v, %s", verb, code, fake.Actions(), &p.stderr)
		}
		var doc map[string]*control.Held
		p.run(t, "held", "--json")
		if err := json.Unmarshal(p.stdout.Bytes(), &doc); err != nil || doc["held"] != nil {
			t.Errorf("held --json afterwards: %s, %v", &p.stdout, err)
		}
		if code := p.run(t, "held", verb); code != 1 {
			t.Errorf("held %s with nothing held: exit code %d", verb, code)
		}
	}
}

func find(s *control.Snapshot, name string) control.ListenerInfo {
	for _, l := range s.Listeners {
		if l.Name == name {
			return l
		}
	}
	return control.ListenerInfo{}
}

func TestEveryConfigHasAStateDirectoryOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, tt := range []struct {
		args, systemd, want string
	}{
		{"-c /etc/a/rockstar.yaml", "", "/home/x/rockstar-tui/state/rockstar-"},
		{"-c /etc/b/rockstar.yaml", "", "/home/x/rockstar-tui/state/rockstar-"},
		{"--socket /run/edge.sock", "", "/home/x/rockstar-tui/state/edge-"},
		{"-c /etc/a/rockstar.yaml", "/var/lib/svc:/var/lib/other", "/var/lib/svc/rockstar-"},
		{"-c /etc/a/rockstar.yaml --state /srv/state", "/var/lib/svc", "/srv/state"},
		{"-c /etc/a/rockstar.yaml --state none", "/var/lib/svc", ""},
	} {
		p := newProgram()
		p.env["XDG_STATE_HOME"], p.env["STATE_DIRECTORY"] = "/home/x", tt.systemd
		got := "unset"
		p.Serve = func(_ context.Context, o cli.ServeOptions) error { got = o.StateDir; return nil }
		p.run(t, append([]string{"serve"}, strings.Fields(tt.args)...)...)
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s, $STATE_DIRECTORY %q: state in %q, want %s...", tt.args, tt.systemd, got, tt.want)
		}
		if before, ok := seen[got]; ok {
			t.Errorf("%s and %s share %s", before, tt.args, got)
		}
		seen[got] = tt.args
	}
}
