package tui

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/action"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/feed"
)

// watchful is a Controller that knows what was confirmed: it fails the test
// when something that destroys is done without.
type watchful struct {
	*controltest.Fake
	t         *testing.T
	confirmed *bool
}

func (w *watchful) Apply(ctx context.Context, c control.Change) (*control.Result, error) {
	plan, err := w.Plan(ctx, control.Change{Patch: c.Patch})
	if err == nil && plan.Disruptive() && !*w.confirmed {
		w.t.Errorf("applied without a confirmation: %v: %s", c.Patch, plan.Summary)
	}
	return w.Fake.Apply(ctx, c)
}

func (w *watchful) Act(ctx context.Context, a control.Action) (*control.Result, error) {
	if a.Disruptive() && !*w.confirmed {
		w.t.Errorf("acted without a confirmation: %v", a)
	}
	return w.Fake.Act(ctx, a)
}

var monkeyKeys = []string{
	"s", "+", "-", "r", "t", "R", "c", "z", "h", "a", "w", "u", "x", "d", "D", "A", "U", "e", "W", "b", "4", "ctrl+t", "X", "q", "/", "?", "y", "Y", "n", "j", "k", "g", "G", "1", "2", "3", "0", "8", "m", "!", " ",
	"enter", "esc", "tab", "shift+tab", "up", "down", "left", "right", "pgup", "pgdown", "home", "end",
	"backspace", "ctrl+c", "ctrl+z", "ctrl+u", "ctrl+d", "ctrl+k", "ctrl+w", "ctrl+v",
}

// A monkey at the keyboard destroys nothing unless it presses a button of a
// dialog that has been on screen long enough to be read.
func TestMonkeyDestroysNothingUnasked(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { monkey(t, rand.New(rand.NewPCG(seed, 42)), 700) })
	}
}

// presses reports whether a key is that of a button which does something.
func presses(d *component.Dialog, name string) bool {
	return slices.ContainsFunc(d.Buttons[1:], func(b component.Button) bool { return b.Key == name })
}

func monkey(t *testing.T, rng *rand.Rand, steps int) {
	confirmed := false
	scenes := controltest.Scenes()
	s := newStage(t, scenes[rng.IntN(len(scenes))], 80, 24, func(o *Options) {
		o.controller = &watchful{Fake: o.controller.(*controltest.Fake), t: t, confirmed: &confirmed}
		o.OwnsRuntime = rng.IntN(2) == 0
	})
	for range steps {
		switch rng.IntN(12) {
		case 0:
			s.pass(time.Duration(rng.IntN(600)) * time.Millisecond)
		case 1:
			s.step()
		case 2:
			s.send(tea.WindowSizeMsg{Width: rng.IntN(200), Height: rng.IntN(60)})
		case 3:
			s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("yy\x1b[31m"), Paste: rng.IntN(2) == 0})
		case 4:
			if rng.IntN(20) == 0 {
				s.fake.Set(controltest.Scene(scenes[rng.IntN(len(scenes))]))
			}
		default:
			k := keyOf(monkeyKeys[rng.IntN(len(monkeyKeys))])
			q, _ := s.m.modals.Top().(*dialog.Question)
			confirmed = q != nil && q.Armed() && (presses(q.Dialog, k.String()) || k.String() == "enter" && q.Focus != 0)
			s.send(k)
			confirmed = false
		}
		fits(t, s.screen(), s.m.width, s.m.height)
		if t.Failed() {
			return
		}
		if s.quit {
			s.quit = false
			s.m.operator = action.New(environment{s.m}, navigator{s.m}, action.Options{}, s.m.moves)
		}
	}
}

var styleSequence = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// What comes from outside reaches the terminal as text: the only escape sequences
// in a frame are the styles of the theme.
func TestHostileTextNeverReachesTheTerminal(t *testing.T) {
	s := play(t, "many", 120, 40)
	s.m.st = styles(t, "dark", themes.TrueColor, themes.Unicode())
	s.m.opts.Target = "ssh://evil\x1b]0;owned\a\u202ehost"
	steps := []string{"j", "j", "j", "j", "j", "enter", "t", "esc", "r", "esc", "s", "esc", "2", "3", "j", "G", "1", "?", "esc", "+", "-", "esc",
		"4", "G", "enter", "esc", "k", "w", "esc", "1", "e", "enter", "esc", "esc", "A", "esc", "x", "esc", "U", "esc"}
	for range 3 {
		for _, k := range steps {
			s.press(k)
			s.pass(dialog.GuardTime)
			assertHarmless(t, s.screen())
		}
	}
	s.fake.Fail(fmt.Errorf("dial: \x1b[2J\r\nowned\u009b31m"))
	s.now = s.now.Add(10 * time.Second)
	s.look()
	assertHarmless(t, s.screen())
	bad := controltest.Scene("refused")
	bad.Config.Error.Details[0].Message = "\x1b]52;c;ZXZpbA==\a\x1b[31m"
	bad.Host, bad.Role, bad.Config.State = "h\x1bc", "admin", control.ConfigRefused
	s.fake.Fail(nil)
	s.fake.Set(bad)
	s.look()
	evil := "\x1b]52;c;ZXZpbA==\a\x1b[31m\u202e\r\nmallory"
	for _, name := range []string{"trial", "held", "overridden", "hung"} {
		s.fake.Set(stained(controltest.Scene(name), evil))
		s.look()
		for _, k := range []string{"1", "j", "enter", "j", "j", "z", "esc", "h", "esc", "4", "j", "enter", "esc", "w", "esc", "1"} {
			s.press(k)
			s.pass(dialog.GuardTime)
			assertHarmless(t, s.screen())
		}
	}
	s.fake.Set(bad)
	s.look()
	s.fake.Refuse(&control.Error{Code: control.CodeRefused, Message: "\x1b[5mno\x00"})
	s.press("j", "+")
	assertHarmless(t, s.screen())
}

// stained has a text in every place for words of a scene about changes.
func stained(snap *control.Snapshot, text string) *control.Snapshot {
	c := &snap.Config
	if c.Trial != nil {
		c.Trial.Actor, c.Trial.Reason, c.Trial.Error, c.Trial.Changes[0].To = text, text, text, text
	}
	if c.Held != nil {
		c.Held.Reason, c.Held.Summary, c.Held.Changes[0].From = text, text, text
	}
	for i := range c.Edits {
		c.Edits[i].Actor, c.Edits[i].Reason, c.Edits[i].File, c.Edits[i].Value = text, text, text, text
	}
	for i := range snap.Listeners {
		l := &snap.Listeners[i]
		l.SteeringReason = text
		for j := range l.Workers {
			l.Workers[j].LastExit, l.Workers[j].LastOutput = text, text
		}
	}
	snap.Upgrade = &control.Upgrade{State: control.UpgradeRolling, From: text, To: text}
	return snap
}

func assertHarmless(t *testing.T, view string) {
	t.Helper()
	for _, r := range styleSequence.ReplaceAllString(view, "") {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar) {
			t.Fatalf("%U on the screen:\n%q", r, view)
		}
	}
}

func TestASCIILocaleGetsASCII(t *testing.T) {
	for _, scene := range controltest.Scenes() {
		s := play(t, scene, 100, 30)
		s.m.st = styles(t, "dark", themes.ANSI16, themes.ASCII())
		for _, k := range []string{"down", "enter", "2", "3", "1", "?", "esc", "t", "esc"} {
			s.press(k)
			for _, r := range s.screen() {
				if r > 126 {
					t.Fatalf("%s: %U on the screen:\n%s", scene, r, s.screen())
				}
			}
			fits(t, s.screen(), 100, 30)
		}
	}
}

func TestFrameIsBuiltOnlyWhenSomethingHasChanged(t *testing.T) {
	s := web(t)
	s.screen()
	before := s.m.drawn
	for range 50 {
		s.tick()
		s.screen()
	}
	if s.m.drawn != before {
		t.Errorf("built %d frames of the same look, want none", s.m.drawn-before)
	}
	view := s.screen()
	s.look() // a snapshot with the same numbers
	if s.screen() != view {
		t.Errorf("the same numbers give another frame:\n%s\n%s", view, s.screen())
	}
	s.press("k")
	if s.screen() == view {
		t.Error("a key has changed nothing")
	}
}

func TestPanicLeavesAReportAndALine(t *testing.T) {
	for name, act := range map[string]func(*model){
		"update":  func(m *model) { m.data.Listeners = nil; m.overview = nil; m.Update(keyOf("j")) },
		"view":    func(m *model) { m.pools = nil; m.dirty = true; _ = m.View() },
		"command": func(m *model) { m.call(func(context.Context, control.Controller) tea.Msg { panic("boom") })() },
	} {
		t.Run(name, func(t *testing.T) {
			s := web(t)
			quit := 0
			s.m.crash.quit = func() { quit++ }
			act(s.m)
			dir := t.TempDir()
			err := s.m.crash.report(func() (string, error) { return dir, nil }, "v0.1.0")
			files, _ := filepath.Glob(filepath.Join(dir, "rockstar-tui", "crash-*.txt"))
			if quit != 1 || err == nil || len(files) != 1 || !strings.Contains(err.Error(), files[0]) {
				t.Fatalf("quit %d times, error %v, files %v; want one of each", quit, err, files)
			}
			text, err := os.ReadFile(files[0])
			if err != nil || !strings.Contains(string(text), "panic: ") || !strings.Contains(string(text), "goroutine") {
				t.Errorf("report %q, %v", text, err)
			}
		})
	}
}

func BenchmarkViewOf64Workers(b *testing.B) {
	fake := controltest.NewFake(controltest.Scene("many"))
	m := newModel(b.Context(), Options{controller: fake}, styles(b, "dark", themes.TrueColor, themes.Unicode()), &newest{&feed.State{}}, &crash{})
	m.resize(200, 80)
	snap, err := fake.Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	m.take(&feed.State{Snapshot: snap, At: time.Now()})
	m.workers.Of("listener-20")
	m.inside = true
	b.ReportAllocs()
	for b.Loop() {
		m.dirty = true
		_ = m.View()
	}
}
