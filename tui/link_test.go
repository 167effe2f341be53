package tui

import (
	"errors"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestLostLinkKeepsTheLastDataAndSaysHowOldTheyAre(t *testing.T) {
	s := web(t)
	s.fake.Fail(errors.New("connection reset"))
	s.now = s.now.Add(4 * time.Second)
	s.look()
	s.wants("link lost 4s", "data is old", "reconnecting: connection reset", "127.0.0.1:8080")
	s.press("+", "s")
	s.wants("no changes until the link is back")
	s.applied()
	s.now = s.now.Add(3 * time.Minute)
	s.look()
	s.wants("link lost 3m")
	s.fake.Fail(nil)
	s.look()
	s.lacks("link lost")
	s.press("+").applied("listeners.web.prefork.workers=5")
}

func TestSilentLinkIsLostToo(t *testing.T) {
	s := web(t)
	s.now = s.now.Add(3 * time.Second)
	s.tick()
	s.lacks("link lost")
	s.now = s.now.Add(7 * time.Second)
	s.tick()
	s.wants("link lost 10s")
}

func TestRefusedConfigStaysOnScreenUntilItIsRight(t *testing.T) {
	s := play(t, "refused", 120, 24)
	const why = `/etc/rockstar-tui/config.yaml:18:7: listeners.web.timeouts.raed: unknown key, did you mean "read"?`
	for _, k := range []string{"2", "3", "1", "enter", "j"} {
		s.press(k).wants("config refused, still running generation 7 (+1 more)", why)
		s.pass(time.Minute)
		s.look()
	}
	s.fake.Set(controltest.Scene("busy"))
	s.look()
	s.lacks("config refused", "file refused")
}

func TestRatesComeFromTwoSnapshotsOfOneProcess(t *testing.T) {
	s := newStage(t, "busy", 80, 24)
	now := controltest.Scene("busy")
	s.fake.Set(now)
	s.look()
	now.Time = now.Time.Add(2 * time.Second)
	now.Listeners[1].Requests += 100
	s.fake.Set(now)
	s.look()
	if got := s.m.data.Listeners[1].Requests; got != 50 {
		t.Errorf("%v requests/s, want 50", got)
	}
	now.Time = now.Time.Add(2 * time.Second)
	now.PID, now.StartedAt = now.PID+1, now.Time
	now.Listeners[1].Requests = 3
	now.Listeners[1].History = nil
	s.fake.Set(now)
	s.look()
	if got := s.m.data.Listeners[1].Requests; got >= 0 {
		t.Errorf("%v requests/s after a restart, want none yet", got)
	}
}
