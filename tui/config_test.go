package tui

import (
	"context"
	"errors"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/tui/feed"
)

func TestConfigPageShowsFileAndRunningWithWhoAndWhy(t *testing.T) {
	s := play(t, "overridden", 200, 50).press("4")
	s.wants("web.limits.max_connections", "10000", "500", "11m59s", "bob (uid 1001)", "the database is slow until the index is built", "never")
	s = play(t, "overridden", 80, 24).press("4")
	s.wants("because: the database is slow", "then the file's value")
	s.press("j", "j").wants("by alice (uid 1000); because: long reports")
}

func TestValueIsUnsetAtOnceBecauseItHarmsNobody(t *testing.T) {
	s := play(t, "overridden", 80, 24).press("4", "j", "u")
	s.applied("listeners.web.timeouts.idle unset")
	if now, _ := s.fake.Snapshot(t.Context()); now.Listeners[1].Timeouts.Idle != "2m0s" || len(now.Config.Edits) != 2 {
		t.Errorf("idle %s, edits %v; want 2m0s and two", now.Listeners[1].Timeouts.Idle, now.Config.Edits)
	}
}

func TestOneValueOrAllAreWrittenWhenAsked(t *testing.T) {
	for key, want := range map[string][]string{
		"w": {"listeners.web.limits.max_connections=500"},
		"W": {"listeners.web.limits.max_connections=500", "listeners.web.timeouts.idle=2s", "listeners.web.timeouts.write=45s"},
	} {
		s := play(t, "overridden", 80, 24).press("4", key)
		s.wants("to config.yaml?", "listeners.web.limits.max_connections: 10000 to 500, in the file", "changes nothing else in the file")
		s.read().press("enter").applied()
		s.press(key).read().press("y").applied(want...)
		if c := s.fake.Changes()[0]; !c.Persist || c.Base != 7 {
			t.Errorf("%s: persist %v, base %d; want true, 7", key, c.Persist, c.Base)
		}
		s.look()
		s.lacks(" web.limits.max_connections")
		s.wants("written to config.yaml")
	}
}

func TestNothingIsWrittenWithoutAFile(t *testing.T) {
	s := play(t, "overridden", 80, 24).press("4")
	snap := controltest.Scene("overridden")
	snap.Config.Path = ""
	s.fake.Set(snap)
	s.look()
	s.press("w").wants("no config file to write to")
	s.applied()
}

func TestHistoryIsShownAndKeepsUp(t *testing.T) {
	s := web(t).press("4")
	s.wants("started")
	s.fake.Apply(t.Context(), control.Change{Patch: config.Patch{{Path: "listeners.web.timeouts.idle", Value: "9s"}}, Actor: "bob (uid 1001)"})
	s.look()
	s.wants("*8", "▌    7", "bob (uid", "web.timeouts.idle", "9s")
	s.press("k", "enter").wants("generation 8:", "listeners.web.timeouts.idle: 2m to 9s, live", "rockstar-tui config history 8")
	s.read().press("enter").acts()
}

func TestHistoryThatCannotBeHadSaysWhy(t *testing.T) {
	s := web(t, func(o *Options) { o.controller = forgetful{o.controller.(*controltest.Fake)} }).press("4")
	s.wants("no history: no memory of it")
}

type forgetful struct{ *controltest.Fake }

func (forgetful) History(context.Context, control.HistoryQuery) ([]control.Generation, error) {
	return nil, &control.Error{Code: control.CodeUnavailable, Message: "no memory of it"}
}

func TestHistoryIsAskedForOnceAtATime(t *testing.T) {
	var asked counting
	s := web(t, func(o *Options) {
		asked.Fake = o.controller.(*controltest.Fake)
		o.controller = &asked
	}).press("4")
	happens := func(idle string) tea.Cmd {
		s.fake.Apply(t.Context(), control.Change{Patch: config.Patch{{Path: "listeners.web.timeouts.idle", Value: idle}}})
		now, _ := s.fake.Snapshot(t.Context())
		s.feed.state = &feed.State{Snapshot: now, At: s.now}
		_, cmd := s.m.Update(tickMsg{s.m.tickID, s.now})
		return cmd
	}
	before := asked.n
	first, second := happens("9s"), happens("8s")
	if s.run(second); asked.n != before {
		t.Errorf("asked %d times while an answer was awaited", asked.n-before)
	}
	if s.run(first); asked.n != before+2 {
		t.Errorf("asked %d times, want once for the first change and once for what came meanwhile", asked.n-before)
	}
	s.wants("*9")
}

func TestHistoryIsAskedForAgainOverANewLink(t *testing.T) {
	s := web(t)
	s.fake.Fail(errors.New("broken pipe"))
	s.press("4").wants("no history: broken pipe")
	s.look()
	s.fake.Fail(nil)
	s.look()
	s.wants("started")
}

// counting counts how often the history is asked for.
type counting struct {
	*controltest.Fake
	n int
}

func (c *counting) History(ctx context.Context, q control.HistoryQuery) ([]control.Generation, error) {
	c.n++
	return c.Fake.History(ctx, q)
}

func TestSettingsKeepTheNewestConfig(t *testing.T) {
	s := web(t, func(o *Options) { o.controller = knowing{o.controller.(*controltest.Fake)} }).press("e")
	old := runningMsg{of: s.m.ran, failed: "an answer that came late"}
	s.fake.Apply(t.Context(), control.Change{Patch: config.Patch{{Path: "listeners.web.timeouts.idle", Value: "9s"}}})
	s.look()
	s.send(old)
	s.lacks("an answer that came late")
}

func TestGoingBackShowsItsPlanFirst(t *testing.T) {
	s := scaled(web(t)).press("4", "G", "b")
	s.wants("roll back to generation 7?", "listeners.web.prefork.workers: 6 to 4, drain", "retires 2 workers")
	s.read().press("enter").acts()
	s.press("enter").wants("generation 7:")
	s.read().press("b").wants("roll back to generation 7?")
	s.read().press("tab").wants("same as: rockstar-tui rollback 7")
	s.press("y").acts(control.Rollback)
	if a := s.fake.Actions()[0]; a.Generation != 7 || a.Base != 9 {
		t.Errorf("acted %+v, want generation 7 on generation 9", a)
	}
	if now, _ := s.fake.Snapshot(t.Context()); now.Listeners[1].WorkersWanted != 4 {
		t.Errorf("%d workers wanted, want 4", now.Listeners[1].WorkersWanted)
	}
	s.look()
	s.press("g", "b")
	s.press("j", "j", "b").acts(control.Rollback) // the newest runs already
}

func TestGoingBackCanBeTried(t *testing.T) {
	s := scaled(web(t)).press("4", "G", "b").read().press("t")
	if c := s.fake.Changes(); len(c) != 3 || c[2].Confirm == 0 || !strings.HasPrefix(c[2].Config, "version: 1") {
		t.Errorf("changes %+v, want the third on trial with a config", c)
	}
	s.look()
	s.wants("on trial")
}

func TestSettingsListEveryKeyAndSayWhatItIs(t *testing.T) {
	s := web(t).press("e")
	s.wants("[1 Overview / web / settings]", "protocol", "rebind", "HTTP/1.1, over TLS if tls is set")
	s = play(t, "busy", 200, 60).press("j", "e")
	for _, k := range config.Keys() {
		rest, ok := strings.CutPrefix(k.Path, "listeners.*.")
		if ok && !strings.Contains(rest, "*") && k.Type != "list" && k.Type != "map" {
			s.wants(rest + " ")
		}
	}
}

func TestSettingIsEditedInPlace(t *testing.T) {
	s := web(t).press("e", "/").write("idle").press("enter", "enter")
	s.wants("set web.timeouts.idle", "2m_", "Limits the wait for the next request.", "Default 2m.", "Takes effect: at once, for open")
	s.press("ctrl+u").write("7").press("enter")
	s.wants("needs a unit: 7s?")
	s.applied()
	s.write("s").press("enter").applied("listeners.web.timeouts.idle=7s")
	s.look()
	s.wants("7s by hand", "u unset", "w write")
	s.press("u").applied("listeners.web.timeouts.idle=7s", "listeners.web.timeouts.idle unset")
}

func TestValuesOfTheRunningConfigAreShownAndChecked(t *testing.T) {
	s := web(t, func(o *Options) { o.controller = knowing{o.controller.(*controltest.Fake)} }).press("e")
	s.wants("address                       127.0.0.1:8080", "prefork.steering              weighted")
	s.press("j", "j", "j", "enter", "ctrl+u").write("80").press("enter")
	s.wants("✗", "port")
	s.applied()
	s.write(":1").wants("set web.address")
}

// knowing is a runtime whose history has the config.
type knowing struct{ *controltest.Fake }

func (knowing) History(_ context.Context, q control.HistoryQuery) ([]control.Generation, error) {
	return []control.Generation{{Number: q.Number, Config: "version: 1\nlisteners:\n  web:\n    address: 127.0.0.1:8080\n" +
		"    prefork: {workers: 4, steering: weighted}\n    routes: [{match: /, respond: {body: hi}}]\n"}}, nil
}
