package monitor

import (
	"os"
	"slices"
	"strconv"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/procstat"
)

// eventful are the kinds of problems whose beginning and end nothing else tells.
var eventful = map[string]bool{"descriptors": true, "refusing": true, "log": true}

// problems of a snapshot that is complete but for them and its events. Each keeps
// the time at which it was first seen.
func (m *Monitor) problems(s *control.Snapshot, all []endpoints.Status) []control.Problem {
	before, facts := m.before(all), m.facts(s, all)
	m.mu.Lock()
	defer m.mu.Unlock()
	found := problems.Find(s, before, m.known, facts)
	for _, p := range found {
		if !contains(m.known, p) {
			m.known = append(slices.Clip(m.known), p)
		}
	}
	return found
}

// watchProblems makes events of problems that nothing else tells, once each, and
// forgets those that are over.
func (m *Monitor) watchProblems() {
	found := m.present(control.WatchOptions{}).Problems
	m.mu.Lock()
	m.known = found
	m.mu.Unlock()
	told := m.told
	m.told = found
	for _, p := range missingFrom(told, found) {
		level := control.LevelWarn
		if p.Severity == control.SeverityHarm {
			level = control.LevelError
		}
		m.Events.Add(control.Event{Level: level, Message: p.Message, Code: message.Code(p.Code), Args: p.Args})
	}
	for _, p := range missingFrom(found, told) {
		m.Events.Info("", message.ProblemOver, p.Object, message.Message{Code: message.Code(p.Code), Args: p.Args, Text: p.Message})
	}
}

// missingFrom are the eventful of found that are not known.
func missingFrom(known, found []control.Problem) (out []control.Problem) {
	for _, p := range found {
		if eventful[p.Kind] && !contains(known, p) {
			out = append(out, p)
		}
	}
	return out
}

func contains(known []control.Problem, p control.Problem) bool {
	for _, k := range known {
		if k.Code == p.Code && k.Object == p.Object {
			return true
		}
	}
	return false
}

// before is what is compared with: the counts as they were when the window began.
func (m *Monitor) before(all []endpoints.Status) *control.Snapshot {
	s := &control.Snapshot{}
	for _, l := range all {
		if t, ok := m.pasts.oldest(l.Name); ok {
			s.Listeners = append(s.Listeners, control.ListenerInfo{Name: l.Name,
				Connections: control.ConnectionCounts{Total: t.Accepted, Refused: t.Refused}})
		}
	}
	return s
}

// facts are what the snapshot does not show.
func (m *Monitor) facts(s *control.Snapshot, all []endpoints.Status) problems.Facts {
	f := m.Facts()
	f.Processes = processes(s)
	for _, l := range all {
		if cert, ok := m.Certificates.Certificate(l.Config.TLS); ok && l.Addr != nil {
			cert.Listener = l.Name
			f.Certificates = append(f.Certificates, cert)
		}
	}
	return f
}

// processes that serve, with their descriptors.
func processes(s *control.Snapshot) (out []problems.Process) {
	add := func(object string, pid int) {
		if open, limit := procstat.Descriptors(pid); limit > 0 {
			out = append(out, problems.Process{Object: object, Open: open, Limit: limit})
		}
	}
	add(problems.Master, os.Getpid())
	for _, l := range s.Listeners {
		for _, w := range l.Workers {
			if l.Prefork && w.PID != 0 && w.PID != os.Getpid() {
				add("listeners."+l.Name+".workers."+strconv.Itoa(w.ID), w.PID)
			}
		}
	}
	return out
}
