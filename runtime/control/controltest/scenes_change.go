package controltest

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// onTrial has a change by an operator that is taken back in 47 seconds.
func onTrial() *control.Snapshot {
	s := busy()
	s.Listeners[1].Timeouts.Idle, s.Listeners[1].Limits.AcceptRate = "2s", 50
	s.Generation++
	changes := []config.Change{
		{Path: "listeners.web.limits.accept_rate", From: "0", To: "50", Effect: config.Live},
		{Path: "listeners.web.timeouts.idle", From: "2m0s", To: "2s", Effect: config.Live},
	}
	since := sceneTime.Add(-13 * time.Second)
	s.Config.Trial = &control.Trial{Until: sceneTime.Add(47 * time.Second), Since: since, Actor: "alice (uid 1000)",
		Reason: "too many idle ones", Changes: changes, Generation: s.Generation, Before: s.Generation - 1,
		Guard: &control.Guard{Errors: 5, Crashes: 1}}
	s.Config.State = control.ConfigOverridden
	for _, c := range changes {
		s.Config.Overrides = append(s.Config.Overrides, c.Path)
		s.Config.Edits = append(s.Config.Edits, control.Override{Path: c.Path, File: c.From, Base: c.From, Value: c.To,
			Actor: "alice (uid 1000)", Reason: "too many idle ones", Since: since})
	}
	return s
}

// held has a save of the config file that waits for a decision.
func held() *control.Snapshot {
	s := busy()
	s.Config.Held = &control.Held{Since: sceneTime.Add(-4 * time.Minute),
		Reason:  "it removes listener web, which has 212 open connections",
		Summary: "web: remove, 4 workers retired, 212 connections drained",
		Changes: []config.Change{{Path: "listeners.web", From: "{address: 127.0.0.1:8080}", Effect: config.Drain}}}
	addEvent(s, control.Event{Level: control.LevelWarn, Message: "config held: it removes listener web, which has 212 open connections"})
	return s
}

// overridden has values that operators changed by hand: one for good, one until
// it expires, and one whose file value was changed since.
func overridden() *control.Snapshot {
	s := busy()
	l := &s.Listeners[1]
	l.Timeouts.Idle, l.Timeouts.Write, l.Limits.MaxConnections = "2s", "45s", 500
	expires := sceneTime.Add(12 * time.Minute)
	s.Config.State = control.ConfigOverridden
	s.Config.Edits = []control.Override{
		{Path: "listeners.web.limits.max_connections", File: "10000", Base: "10000", Value: "500", Actor: "bob (uid 1001)",
			Reason: "the database is slow until the index is built", Since: sceneTime.Add(-18 * time.Minute), Expires: &expires},
		{Path: "listeners.web.timeouts.idle", File: "2m0s", Base: "2m0s", Value: "2s", Actor: "alice (uid 1000)",
			Since: sceneTime.Add(-3 * time.Hour)},
		{Path: "listeners.web.timeouts.write", File: "10s", Base: "10s", Value: "45s", Actor: "alice (uid 1000)",
			Reason: "long reports", Since: sceneTime.Add(-26 * time.Hour)},
	}
	for _, e := range s.Config.Edits {
		s.Config.Overrides = append(s.Config.Overrides, e.Path)
	}
	return s
}

// fallback was started with what ran last, because the config file is broken.
func fallback() *control.Snapshot {
	s := refused()
	s.Generation, s.Config.Fallback, s.Config.Generation = 41, 41, 41
	return s
}

// hung has a worker that shows no sign of life, one that crashes again and
// again, a restart of all workers under way, and a drain that takes long.
func hung() *control.Snapshot {
	s := crashed()
	l := &s.Listeners[1]
	since := sceneTime.Add(-6 * time.Second)
	l.Workers[1].State, l.Workers[1].HungSince = control.WorkerHung, &since
	first := sceneTime.Add(-40 * time.Second)
	w := &l.Workers[2]
	w.Crashes, w.CrashesSince = 3, &first
	w.LastExit = "exit status 2"
	w.LastOutput = "panic: \x1b[31massignment to entry in nil map\x1b[0m\n\ngoroutine 41 [running]:\nmain.(*cache).put(...)\n\t/src/shop/cache.go:87"
	old := l.Workers[3]
	drain(&old, sceneTime.Add(17*time.Second))
	l.Workers[3].PID, l.Workers[3].StartedAt = nextPID(s), sceneTime.Add(-12*time.Second)
	l.Workers = append(l.Workers, old)
	l.Rolling = &control.Rolling{Done: 1, Total: 4}
	l.Steering, l.SteeringReason = "weighted", "least_connections needs CAP_BPF"
	l.Reason = "worker 1 has had no heartbeat for 6s; worker 2 has crashed 3 times in a row (exit status 2)"
	recount(l)
	return s
}
