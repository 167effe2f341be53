//go:build unix

package runtime_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

const four = `version: 1
%s
listeners:
  a: {address: 127.0.0.1:0, routes: [{match: /hello, respond: {body: hello}}]}
  b: {address: 127.0.0.1:0, routes: [{match: /hello, respond: {body: hello}}]}
  c: {address: 127.0.0.1:0, routes: [{match: /hello, respond: {body: hello}}]}
  d: {address: 127.0.0.1:0, routes: [{match: /hello, respond: {body: hello}}]}
`

// less is the file without some of its listeners.
func less(text string, names ...string) string {
	var kept []string
next:
	for line := range strings.Lines(text) {
		for _, name := range names {
			if strings.HasPrefix(line, "  "+name+": ") {
				continue next
			}
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}

func TestASaveThatRemovesMuchWaitsForADecision(t *testing.T) {
	t.Parallel()
	text := strings.Replace(four, "%s", "", 1)
	for name, c := range map[string]struct {
		removed []string
		busy    string
		reason  string
	}{
		"a listener in use":   {[]string{"b"}, "b", "it removes b, with 1 connection open"},
		"more than half":      {[]string{"a", "b", "c"}, "d", "it removes 3 of 4 listeners"},
		"none of them in use": {[]string{"a"}, "d", ""},
	} {
		t.Run(name, func(t *testing.T) {
			app, path := openFile(t, text)
			c1 := dialClient(t, app, c.busy)
			writeFile(t, path, less(text, c.removed...))
			if c.reason == "" {
				awaitStatus(t, app, "the save has taken effect", func(s control.ConfigStatus) bool { return len(names(t, app)) == 3 })
				return
			}
			s := awaitStatus(t, app, "the save is held", func(s control.ConfigStatus) bool { return s.Held != nil })
			if s.Held.Reason != c.reason || s.Held.Trial || s.State != control.ConfigPending || !strings.Contains(s.Held.Summary, c.removed[0]+" stops") {
				t.Errorf("%+v in state %s", s.Held, s.State)
			}
			if !c1.goesOn(t) || len(names(t, app)) != 4 {
				t.Error("something was removed before anybody decided")
			}
			if _, err := app.Act(t.Context(), control.Action{Kind: control.AcceptHeld}); err != nil {
				t.Fatal(err)
			}
			if s := status(t, app); s.Held != nil || s.State != control.ConfigInSync {
				t.Errorf("accepted: %+v in state %s", s.Held, s.State)
			}
			for _, gone := range c.removed {
				await(t, app, "d", gone+" is gone", func(control.ListenerInfo) bool { return !serves(t, app, gone) })
			}
		})
	}
}

func TestAHeldSaveCanBeRejectedOrTakenBack(t *testing.T) {
	text := strings.Replace(four, "%s", "", 1)
	app, path := openFile(t, text)
	dialClient(t, app, "a")
	isHeld := func(s control.ConfigStatus) bool { return s.Held != nil }
	writeFile(t, path, less(text, "a"))
	awaitStatus(t, app, "the save is held", isHeld)
	writeFile(t, path, text)
	awaitStatus(t, app, "the save is taken back", func(s control.ConfigStatus) bool { return s.Held == nil && s.State == control.ConfigInSync })
	writeFile(t, path, less(text, "a"))
	awaitStatus(t, app, "the save is held again", isHeld)
	if _, err := app.Act(t.Context(), control.Action{Kind: control.RejectHeld, Actor: "eve"}); err != nil {
		t.Fatal(err)
	}
	if s := status(t, app); s.Held != nil || s.State != control.ConfigRefused || len(names(t, app)) != 4 {
		t.Errorf("rejected: %+v in state %s", s.Held, s.State)
	}
}

func TestRemovalsCanBeAppliedAtOnce(t *testing.T) {
	text := strings.Replace(four, "%s", "reload: {on_removal: apply}", 1)
	app, path := openFile(t, text)
	dialClient(t, app, "a")
	writeFile(t, path, less(text, "a", "b", "c"))
	awaitStatus(t, app, "the save has taken effect", func(control.ConfigStatus) bool { return !serves(t, app, "a") && !serves(t, app, "b") })
}

// names of the listeners that serve.
func names(t *testing.T, app *runtime.App) (all []string) {
	t.Helper()
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Listeners {
		if l.State == control.StateServing {
			all = append(all, l.Name)
		}
	}
	return all
}

func serves(t *testing.T, app *runtime.App, name string) bool {
	t.Helper()
	return slices.Contains(names(t, app), name)
}
