package tui

import (
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

// acts are the kinds of what Act was asked for.
func (s *stage) acts(want ...string) {
	s.t.Helper()
	var got []string
	for _, a := range s.fake.Actions() {
		got = append(got, a.Kind)
	}
	if len(got) != len(want) {
		s.t.Fatalf("acted %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			s.t.Errorf("acted %v, want %v", got, want)
		}
	}
}

func TestConfirmationOffersToTryAndToWrite(t *testing.T) {
	for _, tt := range []struct {
		keys    []string
		hint    string
		confirm time.Duration
		persist bool
	}{
		{keys: []string{"tab"}, hint: "rockstar-tui set listeners.web.prefork.workers=3"},
		{keys: []string{"tab", "tab"}, hint: "rockstar-tui set listeners.web.prefork.workers=3 --confirm 1m", confirm: time.Minute},
		{keys: []string{"shift+tab"}, hint: "rockstar-tui set listeners.web.prefork.workers=3 --persist", persist: true},
	} {
		s := web(t).press("-").read().press(tt.keys...)
		s.wants("same as: "+tt.hint, "17 active, 36 idle")
		s.press("enter")
		s.applied("listeners.web.prefork.workers=3")
		if c := s.fake.Changes()[0]; time.Duration(c.Confirm) != tt.confirm || c.Persist != tt.persist {
			t.Errorf("%v: confirm %v, persist %v; want %v, %v", tt.keys, c.Confirm, c.Persist, tt.confirm, tt.persist)
		}
	}
}

func TestKeysOfTheButtonsOfAPlan(t *testing.T) {
	s := web(t).press("-").read().press("t")
	if c := s.fake.Changes(); len(c) != 1 || time.Duration(c[0].Confirm) != time.Minute {
		t.Errorf("t: changes %+v, want one on trial", c)
	}
	s = web(t).press("-").read().press("w")
	if c := s.fake.Changes(); len(c) != 1 || !c[0].Persist {
		t.Errorf("w: changes %+v, want one that is written", c)
	}
}

func TestNothingIsWrittenWhereThereIsNoFile(t *testing.T) {
	s := overriddenScene(t, func(snap *control.Snapshot) { snap.Config.Path = "" }).press("-")
	s.lacks("and write")
	s.read().press("w").applied()
}

// overriddenScene is the listener web in a changed scene.
func overriddenScene(t *testing.T, change func(*control.Snapshot)) *stage {
	s := web(t)
	snap := controltest.Scene("busy")
	change(snap)
	s.fake.Set(snap)
	s.look()
	return s
}

func TestFormCanShowItsPlanFirst(t *testing.T) {
	s := web(t).press("t", "ctrl+u").write("20s").press("ctrl+t")
	s.wants("change the timeouts of web?", "listeners.web.timeouts.read: 10s to 20s, live", "closes no connection", "try for 1m (t)")
	s.applied()
	s.read().press("t").applied("listeners.web.timeouts.read=20s")
	s.lacks("timeouts of web")
}

func TestTrialCountsDownAndSaysWhatBecomesOfIt(t *testing.T) {
	s := web(t).press("-").read().press("t")
	s.look()
	s.wants("on trial, 1m00s left, by cockpit: web.prefork.workers is 3", "c confirms it, z rolls it back; unconfirmed, it is rolled back when")
	for range 3 {
		s.step()
	}
	for _, page := range []string{"1", "2", "3"} {
		s.press(page).wants("on trial, 57s left")
	}
	s.press("1", "+").wants("end the trial first")
	for range 57 {
		s.step()
	}
	s.lacks("on trial,")
	if now, _ := s.fake.Snapshot(t.Context()); now.Listeners[1].WorkersWanted != 4 {
		t.Errorf("%d workers wanted after the trial, want 4", now.Listeners[1].WorkersWanted)
	}
}

func TestTrialIsKeptWithC(t *testing.T) {
	s := play(t, "trial", 80, 24).press("c")
	s.acts(control.Confirm)
	if a := s.fake.Actions()[0]; a.Base != 8 {
		t.Errorf("confirmed base %d, want that of the trial, 8", a.Base)
	}
	s.look()
	s.lacks("on trial")
	s.press("c").wants("no trial is running")
	s.acts(control.Confirm)
}

func TestTrialIsTakenBackWhenAsked(t *testing.T) {
	s := play(t, "trial", 80, 24).press("z")
	s.wants("roll the trial back?", "listeners.web.timeouts.idle: 2s to 2m, live")
	s.press("y").acts() // too early
	s.read().press("enter").acts()
	s.press("z").read().press("y").acts(control.Rollback)
}

func TestLostLinkShowsWhenATrialEnds(t *testing.T) {
	s := play(t, "trial", 80, 24)
	s.fake.Fail(&control.Error{Code: control.CodeUnavailable, Message: "gone"})
	s.look()
	s.wants("on trial, until 15:10:13")
}

func TestHeldSaveIsAcceptedOrRejected(t *testing.T) {
	for key, want := range map[string]string{"a": control.AcceptHeld, "x": control.RejectHeld} {
		s := play(t, "held", 80, 24)
		s.wants("a config change waits for approval: it removes listener web", "h shows it")
		s.press("h").wants("listeners.web: {address: 127.0.0.1:8080} to nothing", "accept (a)", "reject (x)")
		s.press(key).acts()
		s.read().press("enter").acts()
		s.press("h").read().press(key).acts(want)
		s.look()
		s.lacks("is held")
	}
}

func TestHeldSaveThatWaitsForATrialIsOnlyShown(t *testing.T) {
	s := overriddenScene(t, func(snap *control.Snapshot) {
		snap.Config.Held = &control.Held{Reason: "a trial is under way", Trial: true}
	})
	s.wants("it takes effect after the trial")
	s.press("h").lacks("accept")
	s.read().press("a", "x", "enter").acts()
}

func TestAlarmOfAFallbackStays(t *testing.T) {
	s := play(t, "fallback", 80, 24).press("3", "j")
	s.pass(time.Hour)
	s.look()
	s.wants("config refused at start, generation 41 runs instead", "unknown key")
}
