package tui

import (
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
)

// patches are the edits that Apply was asked for, as path=value.
func (s *stage) patches() []string {
	var out []string
	for _, c := range s.fake.Changes() {
		for _, e := range c.Patch {
			out = append(out, edited(e))
		}
	}
	return out
}

func edited(e config.Edit) string {
	if e.Unset {
		return e.Path + " unset"
	}
	return e.Path + "=" + e.Value
}

func (s *stage) applied(want ...string) {
	s.t.Helper()
	if got := s.patches(); !slices.Equal(got, want) {
		s.t.Errorf("applied %v, want %v", got, want)
	}
}

// web is a stage with the cursor on the listener web.
func web(t *testing.T, change ...func(*Options)) *stage {
	return play(t, "busy", 80, 24, change...).press("j")
}

func TestPlusAddsAWorkerAtOnceBecauseItHarmsNobody(t *testing.T) {
	s := web(t).press("+")
	s.applied("listeners.web.prefork.workers=5")
	s.wants("web: 5 workers wanted")
	if c := s.fake.Changes()[0]; c.Base != 7 || c.Actor == "" {
		t.Errorf("change %+v, want base 7 and an actor", c)
	}
}

func TestPlusThriceAddsThreeWorkersBeforeASnapshotShowsOne(t *testing.T) {
	s := web(t).press("+", "+", "+")
	s.applied("listeners.web.prefork.workers=5", "listeners.web.prefork.workers=6", "listeners.web.prefork.workers=7")
	s.step()
	s.press("+")
	if got := s.patches(); got[len(got)-1] != "listeners.web.prefork.workers=8" {
		t.Errorf("after the snapshot: %v, want 8 workers", got)
	}
}

func TestMinusAsksWithWhatItCosts(t *testing.T) {
	s := web(t).press("-")
	s.wants("resize web to 3 workers?", "retires 1 worker", "leaves 212 connections open", "[ cancel ]")
	s.read().press("y")
	s.applied("listeners.web.prefork.workers=3")
	s.wants("web: 3 workers wanted")
}

func TestStopAsksWithTheNumberOfConnections(t *testing.T) {
	s := web(t).press("s")
	s.wants("stop web?", "closes 212 connections on web")
	s.read().press("y")
	s.applied("listeners.web.enabled=false")
}

func TestConfirmationCannotBeSleepWalked(t *testing.T) {
	paste := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("y"), Paste: true}
	burst := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("yy")}
	for name, act := range map[string]func(*stage){
		"y at once":        func(s *stage) { s.press("y") },
		"the opening key":  func(s *stage) { s.read().press("s", "s") },
		"enter":            func(s *stage) { s.read().press("enter") },
		"esc":              func(s *stage) { s.read().press("esc") },
		"ctrl+c":           func(s *stage) { s.read().press("ctrl+c") },
		"a paste":          func(s *stage) { s.read().send(paste) },
		"a burst":          func(s *stage) { s.read().send(burst) },
		"there and back":   func(s *stage) { s.read().press("right", "left", "enter") },
		"typing on":        func(s *stage) { s.write("ystem y"); s.pass(dialog.GuardTime / 2); s.press("y") },
		"y just too early": func(s *stage) { s.pass(dialog.GuardTime - time.Millisecond); s.press("y") },
		"y after a late key": func(s *stage) {
			s.pass(dialog.GuardTime - time.Millisecond)
			s.press("x")
			s.pass(dialog.GuardTime / 2)
			s.press("y")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := web(t).press("s")
			act(s)
			s.applied()
		})
	}
}

func TestConfirmationCanBeGivenWithTheButton(t *testing.T) {
	web(t).press("s").read().press("tab", "enter").applied("listeners.web.enabled=false")
}

func TestStartIsNotAskedAbout(t *testing.T) {
	s := play(t, "stopped", 80, 24).press("j", "s")
	s.applied("listeners.web.enabled=true")
}

func TestResizeDialogBeginsWithThePresentNumber(t *testing.T) {
	s := web(t).press("r")
	s.wants("resize web", "4_", "8 CPUs")
	s.press("backspace").write("300").press("enter")
	s.wants("a number from 0 to 256")
	s.applied()
	s.press("ctrl+u").write("12").press("enter")
	s.applied("listeners.web.prefork.workers=12")
	s.lacks("resize web")
}

func TestTimeoutsFormSendsOnlyWhatWasChanged(t *testing.T) {
	s := web(t).press("t")
	s.wants("timeouts of web", "read_header", "2m")
	s.press("tab", "tab", "ctrl+u").write("15").press("enter")
	s.wants("needs a unit: 15s?")
	s.applied()
	s.write("s").press("down", "ctrl+u").write("1m30s").press("enter")
	s.applied("listeners.web.timeouts.write=15s", "listeners.web.timeouts.idle=1m30s")
	s.lacks("timeouts of web")
	if c := s.fake.Changes()[0]; c.Base != 7 {
		t.Errorf("base %d, want 7", c.Base)
	}
}

func TestEmptiedTimeoutIsInherited(t *testing.T) {
	s := web(t).press("t", "ctrl+u", "enter")
	// The fake knows no defaults to inherit, and refuses; what counts is the change asked for.
	if got := s.patches(); len(got) > 0 && got[0] != "listeners.web.timeouts.read unset" {
		t.Errorf("applied %v, want read unset", got)
	}
}

func TestWrongTimeoutIsToldWhatWouldBeRight(t *testing.T) {
	for value, want := range map[string]string{
		"soon": "✗ use e.g. 10s or 1m30s", "25h": "✗ at most 24h0m0s", "-1s": "✗ must not be negative", "100000000000": "✗ use e.g. 10s or 1m30s",
	} {
		s := web(t).press("t", "ctrl+u").write(value).press("enter")
		s.wants(want)
		s.applied()
	}
}

func TestProblemIsNotRepeatedByItsDetail(t *testing.T) {
	s := web(t)
	s.fake.Refuse(&control.Error{Code: control.CodeInvalid, Message: "listeners.web.address: is taken; use another",
		Details: []control.Detail{{Path: "listeners.web.address", Message: "is taken", Hint: "use another"}}})
	s.press("+").wants("listeners.web.address: is taken; use another")
	if n := strings.Count(s.screen(), "is taken"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, s.screen())
	}
}

func TestUnchangedFormChangesNothing(t *testing.T) {
	for _, open := range []string{"t", "r"} {
		s := web(t).press(open, "enter")
		s.applied()
		s.wants("nothing changes")
	}
}

func TestEscLeavesAFormWithoutAChange(t *testing.T) {
	s := web(t).press("t", "ctrl+u").write("1s").press("esc")
	s.applied()
	s.lacks("timeouts of web")
}

func TestRefusedFormStaysOpenAndSaysWhy(t *testing.T) {
	s := web(t)
	s.fake.Refuse(&control.Error{Code: control.CodeRefused, Message: "the runtime is tired"})
	s.press("t", "ctrl+u").write("20s").press("enter")
	s.wants("timeouts of web", "20s", "refused, nothing changed: the runtime is tired")
	s.fake.Refuse(nil)
	s.press("enter")
	s.lacks("timeouts of web")
}

func TestConflictNamesTheOtherAndChangesNothing(t *testing.T) {
	s := web(t).press("-")
	other := controltest.Scene("busy")
	other.Generation++
	other.Events = append(other.Events, control.Event{Seq: 99, Actor: "bob (uid 1001)", Message: "web: update"})
	s.fake.Set(other)
	s.look()
	s.read().press("y")
	s.wants("changed meanwhile by bob (uid 1001); check and try again")
	if now, _ := s.fake.Snapshot(t.Context()); now.Listeners[1].WorkersWanted != 4 {
		t.Errorf("%d workers wanted, want 4", now.Listeners[1].WorkersWanted)
	}
}

func TestChangeThatWasOvertakenBeforeItWasPlannedIsNotMade(t *testing.T) {
	s := web(t)
	other := controltest.Scene("busy")
	other.Generation += 3
	s.fake.Set(other)
	s.press("+")
	s.applied()
	s.wants("changed meanwhile")
}

func TestThoseWhoMayOnlyLookAreToldWhy(t *testing.T) {
	viewer := controltest.Scene("busy")
	viewer.Role = "viewer"
	for name, s := range map[string]*stage{
		"read-only":           web(t, func(o *Options) { o.ReadOnly = true }),
		"your role is viewer": func() *stage { s := web(t); s.fake.Set(viewer); s.look(); return s }(),
	} {
		for _, key := range []string{"s", "+", "-", "r", "t", "R", "X"} {
			s.press(key)
			s.wants(name)
			s.press("left")
			s.lacks(name + ":")
		}
		s.applied()
		if a := s.fake.Actions(); len(a) > 0 {
			t.Errorf("%s: acted %v", name, a)
		}
	}
}

func TestReloadActsAndShowsTheAnswer(t *testing.T) {
	s := web(t).press("R")
	if a := s.fake.Actions(); len(a) != 1 || a[0].Kind != control.Reload {
		t.Errorf("acted %v, want a reload", a)
	}
	s.wants("config file read again")
}

func TestQDetachesAtOnceFromARuntimeOfOthers(t *testing.T) {
	for _, k := range []string{"q", "ctrl+c"} {
		s := web(t).press(k)
		if !s.quit || s.m.outcome != Detached {
			t.Errorf("%s: quit %v, outcome %v, want detached", k, s.quit, s.m.outcome)
		}
	}
}

func TestQAsksWhatBecomesOfARuntimeOfItsOwn(t *testing.T) {
	own := func(o *Options) { o.OwnsRuntime = true }
	for _, tt := range []struct {
		keys    []string
		quit    bool
		outcome Outcome
		actions int
	}{
		{keys: []string{"enter"}, quit: true},
		{keys: []string{"ctrl+c"}, quit: true},
		{keys: []string{"esc"}},
		{keys: []string{"right", "right", "enter"}},
		{keys: []string{"y", "q", "x"}},
		{keys: []string{"right", "enter"}, actions: 1, quit: true, outcome: StopRuntime},
	} {
		s := web(t, own).press("q")
		s.wants("[ keep running ]", "stop everything", "cancel", "224 connections")
		s.read().press(tt.keys...)
		s.look()
		if s.quit != tt.quit || s.m.outcome != tt.outcome || len(s.fake.Actions()) != tt.actions {
			t.Errorf("%v: quit %v, outcome %v, %d actions; want %v, %v, %d",
				tt.keys, s.quit, s.m.outcome, len(s.fake.Actions()), tt.quit, tt.outcome, tt.actions)
		}
	}
}

func TestStopEverythingIsConfirmedAndShowsItsProgress(t *testing.T) {
	s := web(t).press("X")
	s.wants("stop everything?", "closes 224 connections on 2 listeners and ends the runtime")
	s.press("X", "enter")
	s.read().press("X", "enter")
	if len(s.fake.Actions()) != 0 {
		t.Fatal("acted without a confirmation")
	}
	s.press("X").read().press("y")
	if a := s.fake.Actions(); len(a) != 1 || a[0].Kind != control.Shutdown {
		t.Fatalf("acted %v, want a shutdown", a)
	}
	s.wants("stopping everything: ")
	s.press("+")
	s.wants("everything is stopping")
	s.applied()
	s.look()
	if !s.quit || s.m.outcome != StopRuntime {
		t.Errorf("quit %v, outcome %v, want stopped", s.quit, s.m.outcome)
	}
}

func TestShutdownEndsTheCockpitWhenTheRuntimeIsGone(t *testing.T) {
	s := web(t).press("X").read().press("y")
	s.fake.Fail(&control.Error{Code: control.CodeUnavailable, Message: "gone"})
	s.look()
	if !s.quit || s.m.outcome != StopRuntime {
		t.Errorf("quit %v, outcome %v, want stopped", s.quit, s.m.outcome)
	}
}

func TestFailedShutdownIsTold(t *testing.T) {
	s := web(t)
	s.fake.Refuse(&control.Error{Code: control.CodeDenied, Message: "only root may do that"})
	s.press("X").read().press("y")
	s.wants("not allowed: only root may do that")
	s.lacks("stopping everything")
}

func TestSuspendIsSafeOrNotDone(t *testing.T) {
	if s := web(t).press("ctrl+z"); !s.asked {
		t.Error("attached: not suspended")
	}
	s := web(t, func(o *Options) { o.Embedded = true }).press("ctrl+z")
	if s.asked {
		t.Error("embedded: suspended, and the listeners with it")
	}
	s.wants("run in this process")
}

func TestFilterShowsWhatMatchesWhileItIsTyped(t *testing.T) {
	s := play(t, "busy", 80, 24).press("/").write("808")
	s.wants(" hello ", " web ")
	s.write("0")
	s.lacks("hello    http")
	s.press("enter").wants("only 8080")
	s.press("s").wants("stop web?") // what one sees is what the keys are for
	s.read().press("esc", "esc").wants("hello    http")
	s.press("/").write("!web").press("enter")
	s.wants("hello    http")
	s.lacks(" web      http")
	s.press("/", "ctrl+u").write("nothing like it").press("enter")
	s.wants("no listener matches nothing like it")
	s.press("s", "+", "-", "r", "t", "enter")
	s.applied()
}

func TestPagesAreReachedByNumberAndTab(t *testing.T) {
	s := web(t)
	for _, step := range []struct{ key, want string }{
		{"2", "[2 Pools]"}, {"3", "[3 Events]"}, {"1", "[1 Overview]"}, {"tab", "[2 Pools]"}, {"tab", "[3 Events]"}, {"4", "[4 Config]"},
		{"tab", "[1 Overview]"}, {"shift+tab", "[4 Config]"}, {"shift+tab", "[3 Events]"}, {"esc", "[1 Overview]"}, {"enter", "[1 Overview / web]"},
		{"tab", "[2 Pools]"}, {"shift+tab", "[1 Overview / web]"}, {"e", "/ web / settings]"}, {"esc", "/ web]"}, {"esc", "[1 Overview]"}, {"enter", "/ web]"}, {"1", "[1 Overview]"},
	} {
		s.press(step.key).wants(step.want)
	}
}

func TestKeysOfAListenerWorkOnItsPageToo(t *testing.T) {
	web(t).press("enter", "+").applied("listeners.web.prefork.workers=5")
	web(t).press("enter", "s").read().press("y").applied("listeners.web.enabled=false")
}

func TestCursorStaysOnItsListener(t *testing.T) {
	s := web(t)
	more := controltest.Scene("busy")
	first := more.Listeners[0]
	first.Name = "aaa"
	more.Listeners = append([]control.ListenerInfo{first}, more.Listeners...)
	s.fake.Set(more)
	s.look()
	if got := s.m.overview.Selected(); got != "web" {
		t.Errorf("the cursor is on %q, want web", got)
	}
}

func TestProblemStaysUntilAKeyAndSuccessGoesByItself(t *testing.T) {
	s := web(t).press("+")
	s.pass(toastTime + time.Second)
	s.look()
	s.lacks("5 workers wanted")
	s.fake.Refuse(&control.Error{Code: control.CodeRefused, Message: "no"})
	s.press("+")
	s.pass(time.Minute)
	s.look()
	s.wants("nothing changed: no")
	s.press("down")
	s.lacks("nothing changed: no")
}

func TestPastedTextIsNoCommand(t *testing.T) {
	s := web(t)
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("+"), Paste: true})
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("rm -rf q")})
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("++")})
	s.applied()
	if s.quit || s.m.modals.Top() != nil {
		t.Error("pasted text did something")
	}
}

func TestHeldKeyMovesTheCursorAsOftenAsItCame(t *testing.T) {
	s := play(t, "many", 80, 24)
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("jjjj")})
	if got, want := s.m.overview.Selected(), s.m.data.Listeners[4].Name; got != want {
		t.Errorf("the cursor is on %q, want %q", got, want)
	}
}

func TestHelpNamesEveryKey(t *testing.T) {
	s := play(t, "busy", 100, 60).press("?")
	for _, g := range s.m.operator.Help() {
		for _, b := range g.Keys {
			s.wants(b.Help().Key)
			s.wants(b.Help().Desc)
		}
	}
	s.press("?").lacks("shift+tab")
}

func TestNoDangerousControlLetterIsBound(t *testing.T) {
	for _, g := range web(t).m.operator.Help() {
		for _, b := range g.Keys {
			for _, k := range b.Keys() {
				if strings.HasPrefix(k, "ctrl+") && k != "ctrl+c" && k != "ctrl+z" {
					t.Errorf("%s is bound to %q", k, b.Help().Desc)
				}
			}
		}
	}
}

func TestNoKeyMeansTwoThings(t *testing.T) {
	seen := map[string]string{}
	for _, g := range web(t).m.operator.Help() {
		for _, b := range g.Keys {
			for _, k := range b.Keys() {
				if seen[k] != "" {
					t.Errorf("%q is %q and %q", k, seen[k], b.Help().Desc)
				}
				seen[k] = b.Help().Desc
			}
		}
	}
	if does, ok := seen["y"]; ok {
		t.Errorf("y confirms, and must not be %q too", does)
	}
}

func TestToneOfMessages(t *testing.T) {
	s := web(t).press("+")
	if s.m.toast == nil || s.m.toast.Tone != component.Done {
		t.Errorf("toast %+v, want a success", s.m.toast)
	}
}

func TestWhatBecameOfTheConnectionsIsTold(t *testing.T) {
	s := web(t).press("s").read().press("y")
	s.step()
	s.wants("212 connections drained")
}
