package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestRestartsAreActions(t *testing.T) {
	for args, want := range map[string]control.Action{
		"restart web":      {Kind: control.RestartWorkers, Listener: "web"},
		"restart --all":    {Kind: control.RestartWorkers},
		"restart web/1":    {Kind: control.RestartWorker, Listener: "web", Worker: 1},
		"restart web 1":    {Kind: control.RestartWorker, Listener: "web", Worker: 1},
		"restart web/0 -h": {},
	} {
		t.Run(args, func(t *testing.T) {
			fake := controltest.NewFake(scene())
			p := on(t, fake)
			if code := p.run(t, append(strings.Fields(args), "--reason", "a test")...); code != 0 {
				t.Fatalf("exit code %d, stderr %s", code, &p.stderr)
			}
			actions := fake.Actions()
			if want.Kind == "" {
				if len(actions) != 0 {
					t.Errorf("help acted: %+v", actions)
				}
				return
			}
			if len(actions) != 1 {
				t.Fatalf("got %+v, want one action", actions)
			}
			got := actions[0]
			if got.Kind != want.Kind || got.Listener != want.Listener || got.Worker != want.Worker || got.Reason != "a test" || got.Actor == "" {
				t.Errorf("got %+v, want %+v with the reason and an actor", got, want)
			}
			if !strings.Contains(p.stdout.String(), "replaced") {
				t.Errorf("said %q, want what was replaced", &p.stdout)
			}
		})
	}
}

// What a worker that keeps crashing printed last is shown beside how often.
func TestCrashesAreShown(t *testing.T) {
	s := scene()
	since := s.Time.Add(-12 * time.Second)
	w := &s.Listeners[len(s.Listeners)-1].Workers[1]
	w.State, w.LastExit, w.LastOutput = control.WorkerBackoff, "exit status 3", "cannot open\nthe \x1b[31mlicence"
	w.Crashes, w.CrashesSince = 5, &since
	for _, args := range []string{"workers web", "status"} {
		p := on(t, controltest.NewFake(s))
		if code := p.run(t, strings.Fields(args)...); code != 0 {
			t.Fatalf("%s: exit code %d, stderr %s", args, code, &p.stderr)
		}
		out := p.stdout.String()
		if !strings.Contains(out, "web worker 1: previous process ended: exit status 3, 5 times in 12s\n  cannot open\n  the ") {
			t.Errorf("%s says\n%s\nwant how worker 1 ended and what it printed", args, out)
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%s passes an escape sequence on: %q", args, out)
		}
	}
}
