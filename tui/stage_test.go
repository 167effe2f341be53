package tui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/feed"
)

// stage plays the cockpit without a terminal and without time: commands run at
// once, timers when the test says that time passes.
type stage struct {
	t      *testing.T
	m      *model
	fake   *controltest.Fake
	feed   *newest
	now    time.Time
	timers []timer
	quit   bool
	asked  bool // to suspend
}

// newest is a feed that has what the stage gives it.
type newest struct{ state *feed.State }

func (n *newest) Newest() *feed.State { return n.state }
func (n *newest) SetFast(bool)        {}

type timer struct {
	due time.Time
	msg func(time.Time) tea.Msg
}

// afterMsg is what the stage's timers look like to it.
type afterMsg struct {
	d   time.Duration
	msg func(time.Time) tea.Msg
}

func newStage(t *testing.T, scene string, width, height int, change ...func(*Options)) *stage {
	t.Helper()
	fake := controltest.NewFake(controltest.Scene(scene))
	s := &stage{t: t, fake: fake, feed: &newest{&feed.State{}}, now: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)}
	opts := Options{controller: fake, Target: "/run/rockstar.sock", CPUs: 8}
	for _, c := range change {
		c(&opts)
	}
	s.m = newModel(t.Context(), opts, styles(t, "mono", themes.Plain, themes.Unicode()), s.feed, &crash{})
	s.m.after = func(d time.Duration, f func(time.Time) tea.Msg) tea.Cmd {
		return func() tea.Msg { return afterMsg{d, f} }
	}
	s.run(s.m.Init())
	s.send(tea.WindowSizeMsg{Width: width, Height: height})
	return s
}

// play returns a stage that has seen two snapshots, so that there are rates.
func play(t *testing.T, scene string, width, height int, change ...func(*Options)) *stage {
	t.Helper()
	s := newStage(t, scene, width, height, change...)
	s.look()
	s.step()
	return s
}

func styles(t testing.TB, theme string, depth themes.Depth, glyphs themes.Glyphs) *component.Styles {
	t.Helper()
	th, err := themes.Load(theme)
	if err != nil {
		t.Fatal(err)
	}
	return component.NewStyles(th, depth, glyphs)
}

// look lets the feed see the present state, and the model with it.
func (s *stage) look() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	err := s.fake.Watch(ctx, control.WatchOptions{History: 120}, func(snap *control.Snapshot) {
		s.feed.state = &feed.State{Snapshot: snap, At: s.now}
		cancel()
	})
	cancel()
	if err != nil && !errors.Is(err, context.Canceled) {
		s.feed.state = &feed.State{Snapshot: s.feed.state.Snapshot, At: s.feed.state.At, Err: err}
	}
	s.tick()
}

// tick lets the model look at the feed.
func (s *stage) tick() { s.send(tickMsg{s.m.tickID, s.now}) }

// step lets a second pass on the other side.
func (s *stage) step() {
	s.now = s.now.Add(time.Second)
	s.fake.Step()
	s.look()
}

// pass lets time pass here.
func (s *stage) pass(d time.Duration) {
	end := s.now.Add(d)
	for {
		next := -1
		for i, t := range s.timers {
			if !t.due.After(end) && (next < 0 || t.due.Before(s.timers[next].due)) {
				next = i
			}
		}
		if next < 0 {
			s.now = end
			return
		}
		t := s.timers[next]
		s.timers = append(s.timers[:next], s.timers[next+1:]...)
		s.now = t.due
		s.send(t.msg(t.due))
	}
}

func (s *stage) send(msg tea.Msg) {
	_, cmd := s.m.Update(msg)
	if s.m.crash.value != nil {
		s.t.Fatalf("panic: %v\n%s", s.m.crash.value, s.m.crash.stack)
	}
	s.run(cmd)
}

func (s *stage) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			s.run(c)
		}
	case afterMsg:
		s.timers = append(s.timers, timer{s.now.Add(msg.d), msg.msg})
	case tea.QuitMsg:
		s.quit = true
	case tea.SuspendMsg:
		s.asked = true
	default:
		s.send(msg)
	}
}

var special = map[string]tea.KeyType{
	"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab,
	"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd,
	"backspace": tea.KeyBackspace, "ctrl+c": tea.KeyCtrlC, "ctrl+z": tea.KeyCtrlZ, "ctrl+u": tea.KeyCtrlU,
	"ctrl+d": tea.KeyCtrlD, "ctrl+k": tea.KeyCtrlK, "ctrl+w": tea.KeyCtrlW, "ctrl+v": tea.KeyCtrlV,
	"ctrl+t": tea.KeyCtrlT,
}

func keyOf(name string) tea.KeyMsg {
	if k, ok := special[name]; ok {
		return tea.KeyMsg{Type: k}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

// press presses keys, each a name or a letter.
func (s *stage) press(names ...string) *stage {
	for _, n := range names {
		s.send(keyOf(n))
	}
	return s
}

// write types a text letter by letter.
func (s *stage) write(text string) *stage {
	for _, r := range text {
		s.press(string(r))
	}
	return s
}

// read waits as long as it takes to read a dialog.
func (s *stage) read() *stage {
	s.pass(dialog.GuardTime + time.Millisecond)
	return s
}

func (s *stage) screen() string { return s.m.View() }

func (s *stage) wants(texts ...string) {
	s.t.Helper()
	view := s.screen()
	for _, text := range texts {
		if !strings.Contains(view, text) {
			s.t.Errorf("the screen lacks %q:\n%s", text, view)
		}
	}
}

func (s *stage) lacks(texts ...string) {
	s.t.Helper()
	view := s.screen()
	for _, text := range texts {
		if strings.Contains(view, text) {
			s.t.Errorf("the screen has %q:\n%s", text, view)
		}
	}
}

func splitLines(view string) []string { return strings.Split(view, "\n") }
