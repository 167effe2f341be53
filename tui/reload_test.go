package tui

import (
	"context"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

// overridden is a stage on which values were changed by hand.
func overridden(t *testing.T, path string, overrides ...string) *stage {
	s := web(t)
	snap := controltest.Scene("busy")
	snap.Config.Path, snap.Config.State, snap.Config.Overrides = path, control.ConfigOverridden, overrides
	s.fake.Set(snap)
	s.look()
	return s
}

func TestReloadAsksAboutWhatWasChangedByHand(t *testing.T) {
	for _, tt := range []struct {
		keys    []string
		acts    bool
		discard bool
	}{
		{keys: []string{"enter"}},
		{keys: []string{"esc"}},
		{keys: []string{"R", "y", "esc"}},
		{keys: []string{"k"}, acts: true},
		{keys: []string{"tab", "enter"}, acts: true},
		{keys: []string{"d"}, acts: true, discard: true},
		{keys: []string{"shift+tab", "enter"}, acts: true, discard: true},
	} {
		s := overridden(t, "/etc/my.yaml", "listeners.web.enabled", "listeners.web.timeouts.idle").press("R")
		s.wants("reload the config file?", "2 values were changed by hand: listeners.web.enabled,", "[ cancel ]", "reload and keep (k)", "discard them (d)")
		s.press("d", "k") // too early
		s.read().press(tt.keys...)
		a := s.fake.Actions()
		if tt.acts != (len(a) == 1) || tt.acts && (a[0].Kind != control.Reload || a[0].Discard != tt.discard) {
			t.Errorf("%v: acted %+v, want %v, discard %v", tt.keys, a, tt.acts, tt.discard)
		}
		s.lacks("reload the config file?")
	}
}

func TestReloadNamesAFewOfManyValues(t *testing.T) {
	s := overridden(t, "/etc/my.yaml", "a", "b", "c", "d", "e").press("R")
	s.wants("5 values were changed by hand: a, b, c, d, …")
}

func TestReloadWithoutAFileOffersToGoBackToTheStart(t *testing.T) {
	s := overridden(t, "", "listeners.web.enabled")
	s.wants("changed since start")
	s.lacks("differs from file")
	s.press("R").wants("1 value was changed by hand: listeners.web.enabled", "discard them (d)")
	s.lacks("keep them", "reload the config file?")
	s.read().press("k", "enter")
	if a := s.fake.Actions(); len(a) != 0 {
		t.Errorf("acted %+v, want nothing", a)
	}
	s.press("R").read().press("d")
	if a := s.fake.Actions(); len(a) != 1 || !a[0].Discard {
		t.Errorf("acted %+v, want a reload that discards", a)
	}
}

func TestReloadWithoutAFileAndWithoutChangesSaysSo(t *testing.T) {
	s := web(t)
	snap := controltest.Scene("busy")
	snap.Config.Path = ""
	s.fake.Set(snap)
	s.look()
	s.press("R").wants("no config file, and nothing has changed since the start")
	if a := s.fake.Actions(); len(a) != 0 {
		t.Errorf("acted %+v, want nothing", a)
	}
}

// impatient is a runtime that ends connections when a timeout gets shorter.
type impatient struct{ control.Controller }

func (i impatient) Plan(ctx context.Context, c control.Change) (*control.Plan, error) {
	p, err := i.Controller.Plan(ctx, c)
	if err == nil {
		l := &p.Listeners[0]
		l.Drained, l.Kept = 5, l.Kept-5
		l.Summary = "web changes live, 5 connections end at once, idle for longer than 2s"
	}
	return p, err
}

func TestATimeoutThatEndsConnectionsIsAskedAbout(t *testing.T) {
	s := web(t, func(o *Options) { o.controller = impatient{o.controller} })
	s.press("t", "up", "up", "up", "up", "ctrl+u").write("2s").press("enter")
	s.wants("change the timeouts of web?", "5 connections end at once, idle for longer than 2s", "leaves 207 connections open", "[ cancel ]")
	s.lacks("closes no connection", "may finish")
	s.applied()
	s.read().press("esc")
	s.applied()
	s.wants("timeouts of web") // still open, with what was typed
	s.press("enter").read().press("y")
	s.applied("listeners.web.timeouts.idle=2s")
}
