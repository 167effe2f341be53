package tui

import (
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestWorkersAreRestartedWhenAsked(t *testing.T) {
	s := web(t).press("enter", "j", "x")
	s.wants("restart worker 1 of web?", "pid 4212: 18 active and 35 idle connections", "a new process is ready before")
	s.press("y").acts() // too early
	s.read().press("tab").wants("same as: rockstar-tui restart web/1")
	s.press("enter").acts(control.RestartWorker)
	if a := s.fake.Actions()[0]; a.Listener != "web" || a.Worker != 1 {
		t.Errorf("acted %+v, want worker 1 of web", a)
	}
	s.press("A").wants("restart all workers of web?", "4 workers one by one")
	s.read().press("y").acts(control.RestartWorker, control.RestartWorkers)
}

func TestMasterIsNotRestarted(t *testing.T) {
	for _, key := range []string{"x", "A"} {
		s := play(t, "busy", 80, 24).press("enter", key)
		s.wants("has no workers: the master process serves it")
		s.acts()
	}
}

func TestDrainIsGivenMoreTimeAtOnceAndEndedWhenAsked(t *testing.T) {
	s := play(t, "draining", 80, 24).press("j", "enter")
	s.wants("closed in 16s at most", "d extend 1m", "D end now")
	s.press("d").acts(control.DrainExtend)
	if a := s.fake.Actions()[0]; a.Listener != "web" || !a.All || time.Duration(a.By) != time.Minute {
		t.Errorf("acted %+v, want a minute for all of web", a)
	}
	s.look()
	s.wants("closed in 1m16s at most")
	s.press("G", "D").wants("end the drain of web now?", "their requests are lost")
	s.read().press("enter").acts(control.DrainExtend)
	s.press("D").read().press("y").acts(control.DrainExtend, control.DrainNow)
	if a := s.fake.Actions()[1]; a.All || a.Worker != 3 {
		t.Errorf("acted %+v, want worker 3 alone", a)
	}
}

func TestNothingIsDoneToADrainThatIsNotThere(t *testing.T) {
	for _, key := range []string{"d", "D"} {
		s := web(t).press(key)
		s.wants("web: nothing is draining")
		s.acts()
	}
}

func TestWorkerInTroubleTellsWhatItPrintedLast(t *testing.T) {
	s := play(t, "hung", 80, 24).press("j", "enter")
	s.wants("restarting workers one by one: 1 of 4 done", "weighted steering: least_connections needs CAP_BPF", "no heartbeat for 7s")
	s.press("j", "j").wants("worker 2: crashed 3 times within 41s, last exit: exit status 2", "panic: assignment to entry in nil map", "/src/shop/cache.go:87")
	s.lacks("[31m")
	s = play(t, "hung", 200, 50).press("j", "enter")
	s.wants("closed in 16s at most", "last exit: exit status 2")
}

func TestBusyConnectionsAreListed(t *testing.T) {
	s := web(t).press("l")
	s.wants("busy connections of web, oldest first", "and ", "rockstar-tui connections --listener web --state active")
	s.read().press("enter").lacks("busy connections")
	play(t, "idle", 80, 24).press("l").wants("hello: no busy connections")
}

func TestUpgradeIsAskedForAndShown(t *testing.T) {
	s := web(t).press("U")
	s.wants("upgrade the runtime?", "replaces version v0.1.0", "hello has no workers: its 12 connections end within 30s")
	s.read().press("y").acts(control.Replace)
	snap := controltest.Scene("busy")
	snap.Upgrade = &control.Upgrade{Number: 1, State: control.UpgradeRolling, From: "v0.1.0", To: "v0.2.0"}
	s.fake.Set(snap)
	s.look()
	s.wants("upgrade from v0.1.0 to v0.2.0: rolling")
	s.press("U").wants("already upgrading to v0.2.0")
	s.acts(control.Replace)
}
