package plan

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// View is the state that a change meets.
type View struct {
	// Generation that runs.
	Generation uint64
	// Config that runs.
	Config *config.Config
	// Running are the listeners that are served, by name.
	Running map[string]Running
	// Failed are the listeners that are enabled and whose addresses could not be had.
	Failed map[string]bool
	// Backends are the connections to each, by "pool/backend".
	Backends map[string]Load
	// Now is when the view was taken: ages of connections are counted to it.
	Now time.Time
}

// Running is a listener that is served.
type Running struct {
	// Listener is the config by which it is served.
	Listener config.Listener
	// Outdated says that whoever serves it has to be told something that the
	// config of the listener does not show: another certificate, other keys, a
	// pool of its routes.
	Outdated bool
	// Processes that serve it, in the order of their ids: its workers, or the one
	// that has them all. Those that drain have been told before and are left out.
	Processes []Process
}

// Process is one that serves a listener. Without workers it is the master, which
// has the id 0.
type Process struct {
	ID, PID int
	Load
}

// Load is a number of open connections, within a request and between two.
type Load struct{ Active, Idle int }

func (l Load) open() int { return l.Active + l.Idle }

// Seen is what the processes that serve a listener have told of it.
type Seen struct {
	// Connections that are open.
	Connections []control.Connection
	// Overdue are those that a shorter timeout ends at once.
	Overdue Load
}

// LeavesAlone reports whether a change leaves a listener alone because its
// address could not be had: it is tried again by itself, and other changes do not
// depend on it.
func (v View) LeavesAlone(to *config.Config, name string) bool {
	if !v.Failed[name] {
		return false
	}
	was, will := v.Config.Listeners[name], to.Listeners[name]
	return was.Enabled && will.Enabled && was.Address == will.Address && was.Protocol == will.Protocol
}
