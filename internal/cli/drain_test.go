package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestDrainsAreSeenAndMoved(t *testing.T) {
	for args, want := range map[string]control.Action{
		"drain --now":             {Kind: control.DrainNow, All: true},
		"drain web --extend 60s":  {Kind: control.DrainExtend, Listener: "web", All: true, By: config.Duration(time.Minute)},
		"drain web/2 --now":       {Kind: control.DrainNow, Listener: "web", Worker: 2},
		"drain web/3 --extend 1h": {Kind: control.DrainExtend, Listener: "web", Worker: 3, By: config.Duration(time.Hour)},
	} {
		fake := controltest.NewFake(controltest.Scene("draining"))
		p := on(t, fake)
		if code := p.run(t, append(strings.Fields(args), "--reason", "a test")...); code != 0 {
			t.Fatalf("%s: exit code %d, stderr %s", args, code, &p.stderr)
		}
		got := fake.Actions()[0]
		if want.Actor, want.Reason = got.Actor, "a test"; got != want {
			t.Errorf("%s: asked for %+v, want %+v", args, got, want)
		}
		if !strings.Contains(p.stdout.String(), "drain") {
			t.Errorf("%s: says %q", args, &p.stdout)
		}
	}
}

func TestDrainLooksWithoutAFlag(t *testing.T) {
	fake := controltest.NewFake(controltest.Scene("draining"))
	p := on(t, fake)
	for args, want := range map[string]string{
		"drain --read-only": "17s", "drain web/2": "web", "drain hello --json": `"worker": 0`, "drain web/0": "nothing is draining",
	} {
		if code := p.run(t, strings.Fields(args)...); code != 0 || !strings.Contains(p.stdout.String(), want) {
			t.Errorf("%s: exit code %d, %s%s, want %q", args, code, &p.stdout, &p.stderr, want)
		}
	}
	if len(fake.Actions()) > 0 {
		t.Errorf("a look did %+v", fake.Actions())
	}
}

func TestWrongDrainsAreRefused(t *testing.T) {
	p := on(t, controltest.NewFake(controltest.Scene("draining")))
	for args, want := range map[string]int{
		"drain web/x --now": 2, "drain web --now --extend 5s": 2, "drain web/0 --now": 6,
		"drain there --now": 1, "drain web --extend 1ms": 6, "drain web --now --read-only": 5,
	} {
		if code := p.run(t, strings.Fields(args)...); code != want {
			t.Errorf("%s: exit code %d, %s, want %d", args, code, &p.stderr, want)
		}
	}
}
