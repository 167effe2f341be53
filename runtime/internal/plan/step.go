package plan

import (
	"reflect"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Step is what a change does to one listener.
type Step struct {
	Name   string
	Action control.ListenerAction
	// From is how it is served now; nil if it is not.
	From *Running
	// To is what the config will say of it; the zero value of one that is removed.
	To config.Listener
	// Seen is what the processes that serve it have told, if they were asked.
	Seen Seen
}

// Steps lists what a change to another config does to each listener that it
// touches, by name.
func Steps(v View, to *config.Config) []Step {
	var steps []Step
	for _, name := range sortedNames(v.Config.Listeners, to.Listeners) {
		if s := stepOf(v, to, name); s.Action != "" {
			steps = append(steps, s)
		}
	}
	return steps
}

// stepOf has no action for a listener that is not touched.
func stepOf(v View, to *config.Config, name string) Step {
	will, wanted := to.Listeners[name]
	s := Step{Name: name, To: will}
	running, serves := v.Running[name]
	if serves {
		s.From = &running
	}
	switch {
	case !serves && (!wanted || !will.Enabled || v.LeavesAlone(to, name)):
	case !serves:
		s.Action = control.ListenerStarted
	case !wanted:
		s.Action = control.ListenerRemoved
	case !will.Enabled:
		s.Action = control.ListenerStopped
	default:
		s.Action = difference(running, will)
	}
	return s
}

// difference names what leads from the way a listener is served to another.
func difference(from Running, to config.Listener) control.ListenerAction {
	was := from.Listener
	switch {
	case was.Address != to.Address || isQUIC(was) != isQUIC(to):
		return control.ListenerRebound
	case was.Prefork.Workers != to.Prefork.Workers:
		return control.ListenerResized
	case from.Outdated || !reflect.DeepEqual(was, to):
		return control.ListenerUpdated
	}
	return ""
}

// isQUIC reports whether the listener has a UDP socket instead of one of TCP.
func isQUIC(l config.Listener) bool { return l.Protocol == "quic" }

// Opens reports whether the step binds the address of the listener.
func (s Step) Opens() bool { return opens(s.Action) }

func opens(a control.ListenerAction) bool {
	return a == control.ListenerStarted || a == control.ListenerRebound
}

// Ends reports whether nobody serves the listener after the step.
func (s Step) Ends() bool {
	return s.Action == control.ListenerStopped || s.Action == control.ListenerRemoved
}

// Retires reports whether the step retires the process with that id, of those
// that serve now: it drains, and ends if it is a worker.
func (s Step) Retires(id int) bool {
	if s.Action == control.ListenerResized {
		return s.workersBefore() == 0 || id >= s.To.Prefork.Workers
	}
	return s.Action.Interrupts()
}

// AsksConnections reports whether the plan of the step is better for knowing
// which connections are open.
func (s Step) AsksConnections() bool {
	return s.ending().open() > 0 || s.Action == control.ListenerUpdated && s.leaving() != "" && s.open() > 0
}

// AsksOverdue reports whether the plan of the step is better for knowing how many
// connections its new timeouts end at once.
func (s Step) AsksOverdue() bool {
	return s.Action == control.ListenerUpdated && s.leaving() == "" && s.From.Listener.Timeouts != s.To.Timeouts
}

// leaving tells what makes every open connection leave after its present request,
// though the socket and who serves it stay; empty if nothing does.
func (s Step) leaving() message.Code {
	was, will := s.From.Listener, s.To
	switch {
	case !was.Secure() && will.Secure():
		return message.LeavingForTLS
	case was.Secure() && !will.Secure():
		return message.LeavingTLS
	case was.Protocol != will.Protocol || was.H2C != will.H2C:
		return message.LeavingForProtocol
	case was.KeepAlive.Enabled && !will.KeepAlive.Enabled:
		return message.LeavingKeepAlive
	}
	return ""
}

// workersBefore is how many workers serve now; 0 if the master does, or nobody.
func (s Step) workersBefore() int {
	if s.From == nil {
		return 0
	}
	return s.From.Listener.Prefork.Workers
}

// workersAfter is how many will.
func (s Step) workersAfter() int {
	if s.Ends() {
		return 0
	}
	return s.To.Prefork.Workers
}

// open connections.
func (s Step) open() (n int) {
	if s.From == nil {
		return 0
	}
	for _, p := range s.From.Processes {
		n += p.open()
	}
	return n
}

// ending are the connections of the processes that the step retires.
func (s Step) ending() (sum Load) {
	if s.From == nil {
		return sum
	}
	for _, p := range s.From.Processes {
		if s.Retires(p.ID) {
			sum.Active, sum.Idle = sum.Active+p.Active, sum.Idle+p.Idle
		}
	}
	return sum
}
