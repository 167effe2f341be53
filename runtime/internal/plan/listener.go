package plan

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// plan tells what the step does to its listener.
func (s Step) plan(now time.Time) control.ListenerPlan {
	p := control.ListenerPlan{Name: s.Name, Action: s.Action, Drained: s.ending().open()}
	from, to := s.workersBefore(), s.workersAfter()
	switch s.Action {
	case control.ListenerStarted:
		p.WorkersStarted = to
		say(&p, message.New(message.PlanStarts, s.Name, s.To.Address))
	case control.ListenerStopped, control.ListenerRemoved:
		p.WorkersRetired = from
		say(&p, message.New(message.PlanStops, s.Name, ends(p.Drained)))
	case control.ListenerRebound:
		p.WorkersStarted, p.WorkersRetired = to, from
		say(&p, message.New(message.PlanMoves, s.Name, s.To.Address, ends(p.Drained)))
	case control.ListenerResized:
		p.WorkersStarted, p.WorkersRetired = max(0, to-from), max(0, from-to)
		p.Drained -= min(p.Drained, s.moved(now))
		p.Kept = s.open() - p.Drained
		say(&p, s.resized(p.Drained))
	case control.ListenerUpdated:
		s.planUpdate(&p)
	}
	p.Workers = s.workers()
	if s.drains(p) {
		s.planDrain(&p, now)
	}
	return p
}

// planUpdate tells what other settings do to a listener that serves on.
func (s Step) planUpdate(p *control.ListenerPlan) {
	open := s.open()
	if why := s.leaving(); why != "" {
		p.Drained = open
		say(p, message.New(message.PlanLeaving, s.Name, message.New(why), ends(open)))
		return
	}
	p.Drained = min(s.Seen.Overdue.open(), open)
	p.Kept = open - p.Drained
	say(p, message.New(message.PlanLive, s.Name, s.overdue()))
}

// say sets what a plan says of its listener.
func say(p *control.ListenerPlan, m message.Message) {
	p.Summary, p.Code, p.Args = m.Text, m.Code, m.Args
}

// overdue tells what a shorter timeout ends, and which.
func (s Step) overdue() (parts []message.Message) {
	t, late := s.To.Timeouts, s.Seen.Overdue
	if late.Idle > 0 {
		parts = append(parts, message.New(message.IdleEnd, late.Idle, t.Idle))
	}
	if late.Active > 0 {
		parts = append(parts, message.New(message.ActiveEnd, late.Active, t.Request, t.Response))
	}
	if len(parts) == 0 {
		parts = append(parts, message.New(message.NothingDropped))
	}
	return parts
}

func (s Step) resized(drained int) message.Message {
	switch from, to := s.workersBefore(), s.workersAfter(); {
	case to == 0:
		return message.New(message.PlanToMaster, s.Name, from, ends(drained))
	case from == 0:
		return message.New(message.PlanToWorkers, s.Name, to, ends(drained))
	case to > from:
		return message.New(message.PlanMoreWorkers, s.Name, to-from)
	default:
		return message.New(message.PlanFewerWorkers, s.Name, from-to, ends(drained))
	}
}

// workers tells what becomes of each worker, in the order of their ids.
func (s Step) workers() []control.WorkerPlan {
	var all []control.WorkerPlan
	first := 0 // id of the first that is started
	if s.workersBefore() > 0 {
		for _, w := range s.From.Processes {
			action := control.WorkerUpdated
			if s.Retires(w.ID) {
				action = control.WorkerRetired
			}
			all = append(all, control.WorkerPlan{ID: w.ID, PID: w.PID, Action: action, Active: w.Active, Idle: w.Idle})
		}
		if !s.Opens() {
			first = len(all)
		}
	}
	for id := first; id < s.workersAfter(); id++ {
		all = append(all, control.WorkerPlan{ID: id, Action: control.WorkerStarted})
	}
	return all
}

// ends says how many connections end when something drains.
func ends(connections int) message.Message {
	if connections == 0 {
		return message.New(message.NoneEnds)
	}
	return message.New(message.SomeEnd, connections)
}
