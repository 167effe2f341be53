package tui

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
)

var update = flag.Bool("update", false, "write the golden frames anew")

var sizes = []struct{ width, height int }{{80, 24}, {120, 40}, {200, 50}, {40, 12}}

// frames are the screens worth looking at, and the keys that lead there.
var frames = []struct {
	name, scene string
	options     func(*Options)
	keys        func(*stage)
}{
	{name: "overview-busy", scene: "busy"},
	{name: "overview-idle", scene: "idle"},
	{name: "overview-empty", scene: "empty"},
	{name: "overview-crashed", scene: "crashed", keys: func(s *stage) { s.press("j") }},
	{name: "overview-draining", scene: "draining"},
	{name: "overview-refused", scene: "refused"},
	{name: "overview-stopped", scene: "stopped"},
	{name: "overview-many", scene: "many", keys: func(s *stage) { s.press("j", "j", "j", "j", "j", "j") }},
	{name: "overview-filtered", scene: "many", keys: func(s *stage) { s.press("/").write("listener-3") }},
	{name: "listener-busy", scene: "busy", keys: func(s *stage) { s.press("j", "enter") }},
	{name: "listener-in-process", scene: "busy", keys: func(s *stage) { s.press("enter") }},
	{name: "listener-crashed", scene: "crashed", keys: func(s *stage) { s.press("j", "enter") }},
	{name: "listener-draining", scene: "draining", keys: func(s *stage) { s.press("j", "enter") }},
	{name: "listener-hung", scene: "hung", keys: func(s *stage) { s.press("j", "enter") }},
	{name: "listener-hung-worker", scene: "hung", keys: func(s *stage) { s.press("j", "enter", "j", "j") }},
	{name: "dialog-restart", scene: "busy", keys: func(s *stage) { s.press("j", "enter", "x") }},
	{name: "dialog-roll", scene: "busy", keys: func(s *stage) { s.press("j", "A") }},
	{name: "dialog-drain-now", scene: "draining", keys: func(s *stage) { s.press("D").read().press("tab") }},
	{name: "dialog-connections", scene: "busy", keys: func(s *stage) { s.press("j", "l") }},
	{name: "dialog-upgrade", scene: "busy", keys: func(s *stage) { s.press("U") }},
	{name: "listener-many", scene: "many", keys: func(s *stage) { s.press("/").write("listener-20").press("enter", "enter") }},
	{name: "pools-busy", scene: "busy", keys: func(s *stage) { s.press("2") }},
	{name: "pools-none", scene: "idle", keys: func(s *stage) { s.press("2") }},
	{name: "events-busy", scene: "busy", keys: func(s *stage) { s.press("3") }},
	{name: "events-many", scene: "many", keys: func(s *stage) { s.press("3", "j", "j") }},
	{name: "help", scene: "busy", keys: func(s *stage) { s.press("?") }},
	{name: "dialog-stop", scene: "busy", keys: func(s *stage) { s.press("j", "s") }},
	{name: "dialog-shrink", scene: "busy", keys: func(s *stage) { s.press("j", "-") }},
	{name: "dialog-stop-everything", scene: "busy", keys: func(s *stage) { s.press("X") }},
	{name: "dialog-leave", scene: "busy", options: func(o *Options) { o.OwnsRuntime = true }, keys: func(s *stage) { s.press("q") }},
	{name: "dialog-reload", scene: "stopped", keys: func(s *stage) { s.press("R") }},
	{name: "dialog-plan", scene: "busy", keys: func(s *stage) { s.press("j", "t", "ctrl+u").write("20s").press("ctrl+t") }},
	{name: "dialog-plan-try", scene: "busy", keys: func(s *stage) { s.press("j", "-").read().press("tab", "tab") }},
	{name: "trial", scene: "trial"},
	{name: "dialog-take-back", scene: "trial", keys: func(s *stage) { s.press("z") }},
	{name: "held", scene: "held"},
	{name: "dialog-held", scene: "held", keys: func(s *stage) { s.press("h").read().press("tab") }},
	{name: "fallback", scene: "fallback"},
	{name: "config", scene: "overridden", keys: func(s *stage) { s.press("4") }},
	{name: "config-idle", scene: "idle", keys: func(s *stage) { s.press("4") }},
	{name: "config-history", scene: "overridden", keys: func(s *stage) { scaled(s).press("4", "j", "j", "j", "j") }},
	{name: "dialog-generation", scene: "overridden", keys: func(s *stage) { scaled(s).press("4", "j", "j", "j", "j", "enter") }},
	{name: "dialog-go-back", scene: "overridden", keys: func(s *stage) { scaled(s).press("4", "G", "b") }},
	{name: "dialog-write", scene: "overridden", keys: func(s *stage) { s.press("4", "W").read().press("tab") }},
	{name: "settings", scene: "overridden", keys: func(s *stage) { s.press("j", "e", "j", "j", "j", "j", "j") }},
	{name: "form-setting", scene: "busy", keys: func(s *stage) { s.press("j", "e", "j", "j", "j", "j", "j", "enter") }},
	{name: "form-resize", scene: "busy", keys: func(s *stage) { s.press("j", "r") }},
	{name: "form-timeouts", scene: "busy", keys: func(s *stage) { s.press("j", "t") }},
	{name: "form-timeouts-wrong", scene: "busy", keys: func(s *stage) {
		s.press("j", "t", "ctrl+u").write("20s").press("tab", "ctrl+u").write("15")
	}},
	{name: "toast-done", scene: "busy", keys: func(s *stage) { s.press("j", "+") }},
	{name: "toast-problem", scene: "busy", keys: func(s *stage) {
		s.fake.Refuse(&control.Error{Code: control.CodeRefused, Message: "worker 4 did not get ready within 10s, it was started and ended 3 times"})
		s.press("j", "+")
	}},
	{name: "read-only", scene: "busy", options: func(o *Options) { o.ReadOnly = true }, keys: func(s *stage) { s.press("s") }},
	{name: "link-lost", scene: "busy", keys: func(s *stage) {
		s.fake.Fail(errors.New("dial unix /run/rockstar.sock: connect: connection refused"))
		s.pass(4 * 1000 * 1000 * 1000)
		s.look()
	}},
}

// scaled makes the history a little longer.
func scaled(s *stage) *stage {
	s.press("j", "+", "+").step()
	return s
}

func TestFramesLookAsTheyDid(t *testing.T) {
	for _, f := range frames {
		for _, size := range sizes {
			name := fmt.Sprintf("%s-%dx%d", f.name, size.width, size.height)
			t.Run(name, func(t *testing.T) {
				options := func(*Options) {}
				if f.options != nil {
					options = f.options
				}
				s := play(t, f.scene, size.width, size.height, options)
				if f.keys != nil {
					f.keys(s)
				}
				fits(t, s.screen(), size.width, size.height)
				golden(t, name, s.screen())
			})
		}
	}
}

// Before the first snapshot, and when there never is one, the screen says so.
func TestScreenWithoutARuntimeSaysSo(t *testing.T) {
	s := newStage(t, "busy", 80, 24)
	golden(t, "connecting-80x24", s.screen())
	s.fake.Fail(&control.Error{Code: control.CodeUnavailable, Message: "dial unix /run/rockstar.sock: no such file"})
	s.look()
	golden(t, "no-answer-80x24", s.screen())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got+"\n" != string(want) {
		t.Errorf("%s differs; go test -run %s -update accepts it.\ngot:\n%s\nwant:\n%s", path, t.Name(), got, want)
	}
}

// fits fails unless the view is exactly as high as the window and nowhere wider.
func fits(t *testing.T, view string, width, height int) {
	t.Helper()
	lines := splitLines(view)
	if len(lines) != height {
		t.Errorf("%d lines in a window of %d:\n%s", len(lines), height, view)
	}
	for i, l := range lines {
		if w := component.Width(l); w > width {
			t.Errorf("line %d is %d cells wide, the window %d: %q", i, w, width, l)
		}
	}
}

// What lies on top is chosen to be read whole in the usual window.
func TestNothingInABoxIsCutAt80x24(t *testing.T) {
	for _, glyphs := range []themes.Glyphs{themes.Unicode(), themes.ASCII()} {
		for _, keys := range [][]string{{"?"}, {"r"}, {"t"}, {"s"}, {"-"}, {"X"}, {"q"}, {"A"}, {"U"}, {"x"}, {"e", "enter"}, {"t", "1", "ctrl+t"}} {
			s := play(t, "busy", 80, 24, func(o *Options) { o.OwnsRuntime, o.CPUs = true, 128 })
			s.m.st = styles(t, "mono", themes.Plain, glyphs)
			s.press("j").press(keys...)
			for _, l := range splitLines(s.screen())[3:22] {
				from, to := strings.Index(l, glyphs.Vertical), strings.LastIndex(l, glyphs.Vertical)
				if from >= 0 && strings.Contains(l[from:to], glyphs.Ellipsis) {
					t.Errorf("%v: cut: %s", keys, l)
				}
			}
		}
	}
}

func TestMasterIsSpelledOutWhereverReadyIsShown(t *testing.T) {
	s := play(t, "busy", 80, 24)
	for width := 32; width <= 220; width++ {
		s.m.resize(width, 24)
		s.m.dirty = true
		if view := s.screen(); strings.Contains(view, "READY") && !strings.Contains(view, " master ") || strings.Contains(view, " mas…") || strings.Contains(view, " m…") {
			t.Fatalf("at %d columns:\n%s", width, view)
		}
	}
}

func TestFooterNamesTheKeysOfWorkers(t *testing.T) {
	for _, scene := range []string{"busy", "stopped", "crashed", "draining"} {
		for _, width := range []int{60, 72, 80, 120} {
			for _, own := range []bool{false, true} {
				s := play(t, scene, width, 24, func(o *Options) { o.OwnsRuntime = own })
				s.press("j").wants("+ - r workers")
				s.press("enter").wants("+ - r workers")
			}
		}
	}
}

func TestHintOfARefusedConfigIsReadableAt80Columns(t *testing.T) {
	s := play(t, "busy", 80, 24)
	snap := controltest.Scene("refused")
	snap.Config.Error.Details[0] = control.Detail{File: "/etc/rockstar-tui/config.yaml", Line: 118, Column: 17,
		Path:    "listeners.a-listener-of-a-certain-length.routes.12.respond.headers",
		Message: "there is a list where a mapping of names to values is expected, with one entry per header",
		Hint:    `write {Content-Type: text/plain}`}
	s.fake.Set(snap)
	s.look()
	s.wants(":118:17: ", "write {Content-Type: text/plain}")
	fits(t, s.screen(), 80, 24)
}

func TestSmallestWindowShowsARowOfData(t *testing.T) {
	for _, height := range []int{4, 5, 6} {
		s := play(t, "busy", 20, height).press("j")
		s.wants("web")
		s.press("enter").wants("● ready")
		s.press("esc", "2").wants("api")
		fits(t, s.screen(), 20, height)
	}
}

func TestEverySceneFitsEveryWindow(t *testing.T) {
	for _, scene := range controltest.Scenes() {
		s := play(t, scene, 80, 24)
		for _, keys := range [][]string{{"1"}, {"enter"}, {"2"}, {"3"}, {"?"}, {"esc", "1", "t"}, {"esc", "r"}, {"esc", "s"}, {"esc", "e"}, {"enter"}, {"esc", "4"}, {"enter"}, {"esc", "G"}, {"z"}, {"esc", "h"}} {
			s.press(keys...)
			for _, w := range []int{1, 7, 20, 33, 49, 50, 64, 79, 80, 119, 333} {
				for _, h := range []int{1, 3, 5, 8, 11, 12, 16, 24, 90} {
					s.m.resize(w, h)
					s.m.dirty = true
					fits(t, s.screen(), w, h)
				}
			}
		}
	}
}
