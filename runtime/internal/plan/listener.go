package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// plan tells what the step does to its listener.
func (s Step) plan(now time.Time) control.ListenerPlan {
	p := control.ListenerPlan{Name: s.Name, Action: s.Action, Drained: s.ending().open()}
	from, to := s.workersBefore(), s.workersAfter()
	switch s.Action {
	case control.ListenerStarted:
		p.WorkersStarted = to
		p.Summary = fmt.Sprintf("%s starts on %s", s.Name, s.To.Address)
	case control.ListenerStopped, control.ListenerRemoved:
		p.WorkersRetired = from
		p.Summary = fmt.Sprintf("%s stops, %s", s.Name, ends(p.Drained))
	case control.ListenerRebound:
		p.WorkersStarted, p.WorkersRetired = to, from
		p.Summary = fmt.Sprintf("%s moves to %s, %s", s.Name, s.To.Address, ends(p.Drained))
	case control.ListenerResized:
		p.WorkersStarted, p.WorkersRetired = max(0, to-from), max(0, from-to)
		p.Drained -= min(p.Drained, s.moved(now))
		p.Kept = s.open() - p.Drained
		p.Summary = s.resizeSummary(p.Drained)
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
		p.Summary = fmt.Sprintf("%s %s, %s", s.Name, why, ends(open))
		return
	}
	p.Drained = min(s.Seen.Overdue.open(), open)
	p.Kept = open - p.Drained
	p.Summary = fmt.Sprintf("%s changes live, %s", s.Name, s.overdueSummary())
}

// overdueSummary tells what a shorter timeout ends, and which.
func (s Step) overdueSummary() string {
	t, late := s.To.Timeouts, s.Seen.Overdue
	var parts []string
	if late.Idle > 0 {
		parts = append(parts, fmt.Sprintf("%s at once, idle for longer than %s", counted(late.Idle, "connection", "ends", "end"), t.Idle))
	}
	if late.Active > 0 {
		parts = append(parts, fmt.Sprintf("%s at once within a request, longer than request %s or response %s",
			counted(late.Active, "connection", "ends", "end"), t.Request, t.Response))
	}
	if len(parts) == 0 {
		return "nothing dropped"
	}
	return strings.Join(parts, ", ")
}

func (s Step) resizeSummary(drained int) string {
	switch from, to := s.workersBefore(), s.workersAfter(); {
	case to == 0:
		return fmt.Sprintf("%s: served by the master instead of %s, %s", s.Name, words.Count(from, "worker"), ends(drained))
	case from == 0:
		return fmt.Sprintf("%s: served by %s instead of the master, %s", s.Name, words.Count(to, "worker"), ends(drained))
	case to > from:
		return fmt.Sprintf("%s: %s, nothing dropped", s.Name, words.Count(to-from, "new worker"))
	default:
		return fmt.Sprintf("%s: %s fewer, %s", s.Name, words.Count(from-to, "worker"), ends(drained))
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
func ends(connections int) string {
	if connections == 0 {
		return "no connection ends"
	}
	return counted(connections, "connection", "ends", "end") + " after the present request"
}

// counted is a number of things that do something: "1 connection ends".
func counted(n int, noun, one, many string) string {
	if n == 1 {
		return words.Count(n, noun) + " " + one
	}
	return words.Count(n, noun) + " " + many
}
