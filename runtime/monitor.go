package runtime

import (
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/procstat"
)

// monitor remembers problems, so that each keeps the time at which it was first
// seen and is told once.
type monitor struct {
	mu    sync.Mutex
	known []control.Problem // seen by anybody since the sampler last looked, or by itself
	told  []control.Problem // when the sampler last looked, whose alone it is
}

// eventful are the kinds of problems whose beginning and end nothing else tells.
var eventful = map[string]bool{"descriptors": true, "refusing": true, "log": true}

// problems of a snapshot that is complete but for them and its events.
func (a *App) problems(s *control.Snapshot) []control.Problem {
	before, facts := a.before(), a.facts(s)
	a.monitor.mu.Lock()
	defer a.monitor.mu.Unlock()
	found := problems.Find(s, before, a.monitor.known, facts)
	for _, p := range found {
		if !contains(a.monitor.known, p) {
			a.monitor.known = append(slices.Clip(a.monitor.known), p)
		}
	}
	return found
}

// watchProblems makes events of problems that nothing else tells, and forgets
// those that are over.
func (a *App) watchProblems() {
	found := a.present(control.WatchOptions{}).Problems
	a.monitor.mu.Lock()
	a.monitor.known = found
	a.monitor.mu.Unlock()
	told := a.monitor.told
	a.monitor.told = found
	for _, p := range missingFrom(told, found) {
		level := control.LevelWarn
		if p.Severity == control.SeverityHarm {
			level = control.LevelError
		}
		a.events.Add(control.Event{Level: level, Message: p.Message})
	}
	for _, p := range missingFrom(found, told) {
		a.events.Infof("", "%s: over: %s", p.Object, p.Message)
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
func (a *App) before() *control.Snapshot {
	s := &control.Snapshot{}
	for _, m := range a.endpoints.All() {
		if t, ok := a.pasts.oldest(m.Name()); ok {
			s.Listeners = append(s.Listeners, control.ListenerInfo{Name: m.Name(),
				Connections: control.ConnectionCounts{Total: t.Accepted, Refused: t.Refused}})
		}
	}
	return s
}

// facts are what the snapshot does not show.
func (a *App) facts(s *control.Snapshot) (f problems.Facts) {
	f.Processes = a.processes(s)
	for _, m := range a.endpoints.All() {
		if cert, ok := a.keys.Certificate(m.Config().TLS); ok && m.Endpoint() != nil {
			cert.Listener = m.Name()
			f.Certificates = append(f.Certificates, cert)
		}
	}
	if t := a.state.trouble.Load(); t != nil {
		f.StateMissing, f.StateError, f.StateSince = t.missing, t.failing, t.since
	}
	f.NoAdoption = a.noOrphanDir
	f.LogDropped, f.LogDroppedAt = a.logQueue.Lost()
	return f
}

// processes that serve, with their descriptors.
func (a *App) processes(s *control.Snapshot) (out []problems.Process) {
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
