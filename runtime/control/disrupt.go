package control

import (
	"slices"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// What is disruptive is decided here, for the runtime, the cockpit and the command
// line alike: the last two ask for confirmation first.

// Interrupts reports whether nobody serves the listener any more where it is
// served now: all its connections end.
func (a ListenerAction) Interrupts() bool {
	return a == ListenerStopped || a == ListenerRemoved || a == ListenerRebound
}

// Disruptive reports whether what is planned ends connections, workers or a
// listener that serves.
func (p *Plan) Disruptive() bool {
	return slices.ContainsFunc(p.Listeners, func(l ListenerPlan) bool {
		return l.Action.Interrupts() || l.Drained > 0 || l.WorkersRetired > 0
	}) || slices.ContainsFunc(p.Changes, func(c config.Change) bool {
		return c.Effect == config.Rebind || c.Effect == config.Restart
	})
}

// Disruptive reports whether an action may end connections or workers. What a
// reload does is not known before the file is read; it never asks, as a save of
// the file does not.
func (a Action) Disruptive() bool {
	switch a.Kind {
	case RestartWorker, RestartWorkers, Shutdown, Replace, DrainNow, Rollback, AcceptHeld:
		return true
	}
	return false
}

// Disruption is what an action ends.
type Disruption struct {
	// Listeners that stop.
	Listeners int
	// Workers that are retired, or whose drain ends; a listener without any counts
	// as one.
	Workers int
	// Connections that end: of a drain that ends now at once, else after the
	// present request.
	Connections uint64
}

// Disrupts counts what an action of the kinds [RestartWorker], [RestartWorkers],
// [Shutdown] and [DrainNow] ends in a state. What others end depends on a config.
func (a Action) Disrupts(s *Snapshot) (d Disruption) {
	for i := range s.Listeners {
		l := &s.Listeners[i]
		if a.Listener != "" && a.Listener != l.Name {
			continue
		}
		if a.Kind == Shutdown && l.Enabled {
			d.Listeners++
		}
		for _, w := range l.Workers {
			if a.ends(l, w) {
				d.Workers++
				d.Connections += w.Connections.Active + w.Connections.Idle
			}
		}
	}
	return d
}

// ends reports whether the action ends a worker of a listener that it concerns.
func (a Action) ends(l *ListenerInfo, w WorkerInfo) bool {
	switch a.Kind {
	case Shutdown:
		return true
	case DrainNow:
		return w.DrainDeadline != nil && (a.All || a.Worker == w.ID)
	case RestartWorkers:
		return l.Prefork && w.State != WorkerDraining
	case RestartWorker:
		return l.Prefork && w.State != WorkerDraining && a.Worker == w.ID
	}
	return false
}
