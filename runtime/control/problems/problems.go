// Package problems finds what needs a person's attention in a snapshot: what
// hurts clients or changes now (harm), and what will if nobody acts (risk).
//
// [Find] is a pure function of the snapshot, the one from [Window] ago and a few
// [Facts] that snapshots do not show, so a runtime, a fake and a recording all
// report the same list. [Rules] is the table it works from: code, severity,
// condition, message and remedy of each problem. docs/problems.md is generated
// from that table by [Page].
//
// To add a problem, add its code and its row to Rules and find it in Find. The
// package neither remembers nor announces anything: its caller passes what was
// found last, so that a problem keeps the time at which it began.
package problems

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Facts are inputs that a snapshot does not show.
type Facts struct {
	// Processes and the file descriptors they use.
	Processes []Process
	// Certificates in use.
	Certificates []Certificate
	// StateError says why the state directory cannot be written, since StateSince;
	// StateMissing why the configured one is unusable. Empty if all is well.
	StateError, StateMissing string
	StateSince               time.Time
	// NoAdoption says why no other master could adopt the workers; empty if one could.
	NoAdoption string
	// LogDropped counts dropped log lines, the last one at LogDroppedAt.
	LogDropped   uint64
	LogDroppedAt time.Time
}

// Process is one that serves.
type Process struct {
	// Object is Master, or a worker like "listeners.web.workers.0".
	Object      string
	Open, Limit uint64
}

// Master is the object of the master process.
const Master = "runtime"

// Certificate is one that a listener uses.
type Certificate struct {
	Listener, File string
	Expires        time.Time // zero if not known
	// Refused says why the present files are not in use, since Since; empty if they are.
	Refused string
	Since   time.Time
}

// Find returns the present problems, the most severe first, then by object.
// before is the snapshot from [Window] ago, nil if there is none. known is the
// result of the previous call: a problem keeps the time at which it began.
func Find(now, before *control.Snapshot, known []control.Problem, f Facts) []control.Problem {
	s := &search{now: now, before: before, found: []control.Problem{}}
	for i := range now.Listeners {
		s.listener(&now.Listeners[i], f.Processes)
	}
	for i := range now.Pools {
		s.pool(&now.Pools[i])
	}
	for _, c := range f.Certificates {
		s.certificate(c)
	}
	for _, p := range f.Processes {
		s.process(p)
	}
	s.config(&now.Config)
	s.state(f)
	s.log(f)
	s.keepTimes(known)
	slices.SortStableFunc(s.found, func(a, b control.Problem) int {
		return cmp.Or(rank(message.Code(a.Code))-rank(message.Code(b.Code)), cmp.Compare(a.Object, b.Object))
	})
	return s.found
}

func rank(code message.Code) int {
	return slices.IndexFunc(Rules, func(r Rule) bool { return r.Message == code })
}

type search struct {
	now, before *control.Snapshot
	found       []control.Problem
}

// add records a problem with the values of its text, to be completed by the caller.
func (s *search) add(object string, code message.Code, values ...any) *control.Problem {
	rule := Rules[rank(code)]
	m := message.New(code, values...)
	s.found = append(s.found, control.Problem{
		Kind: rule.Kind, Code: string(code), Object: object, Severity: rule.Severity, Since: s.now.Time,
		Args: m.Args, Message: m.Text, RemedyCode: rule.Remedy, Remedy: message.With(rule.Remedy, m.Args).Text,
	})
	return &s.found[len(s.found)-1]
}

// keepTimes gives what was known already the time at which it began.
func (s *search) keepTimes(known []control.Problem) {
	for i := range s.found {
		p := &s.found[i]
		for _, k := range known {
			if k.Code == p.Code && k.Object == p.Object && k.Since.Before(p.Since) {
				p.Since = k.Since
			}
		}
	}
}

func (s *search) listener(l *control.ListenerInfo, processes []Process) {
	object := "listeners." + l.Name
	reason := message.Plain(l.Reason)
	if l.Reason == "" {
		reason = message.New(message.CauseUnknown)
	}
	switch {
	case l.State == control.StateFailed:
		s.add(object, message.ListenerFailed, l.Name, reason)
	case l.State == control.StateDegraded && l.WorkersReady == 0:
		s.add(object, message.ListenerWorkersNone, l.Name, reason)
	case l.State == control.StateDegraded:
		s.add(object, message.ListenerWorkersFew, l.Name, l.WorkersReady, l.WorkersWanted, reason).Value = uint64(l.WorkersReady)
	}
	s.refusing(l, object, slices.ContainsFunc(processes, func(p Process) bool { return p.serves(l) && p.scarce() }))
}

// refusing looks at what was turned away lately, and by which bound: scarce says
// that a process of the listener has few descriptors left.
func (s *search) refusing(l *control.ListenerInfo, object string, scarce bool) {
	before := s.listenerBefore(l.Name)
	if before == nil || l.Connections.Refused <= before.Connections.Refused {
		return
	}
	lately := l.Connections.Refused - before.Connections.Refused
	open := l.Connections.Active + l.Connections.Idle
	below := l.Limits.MaxConnections == 0 || open < uint64(l.Limits.MaxConnections)
	var p *control.Problem
	key := ".limits.max_connections"
	switch {
	case below && scarce:
		p = s.add(object, message.RefusingDescriptors, l.Name, lately)
	case below && l.Limits.AcceptRate > 0:
		p = s.add(object, message.RefusingRate, l.Name, lately, l.Limits.AcceptRate)
		key = ".limits.accept_rate"
	default:
		p = s.add(object, message.RefusingConnections, l.Name, lately, open, l.Limits.MaxConnections)
	}
	p.Value, p.Clients, p.Key = lately, lately, object+key
}

func (s *search) listenerBefore(name string) *control.ListenerInfo {
	if s.before == nil {
		return nil
	}
	for i := range s.before.Listeners {
		if s.before.Listeners[i].Name == name {
			return &s.before.Listeners[i]
		}
	}
	return nil
}

func (s *search) pool(pool *control.PoolInfo) {
	var down []string
	for _, b := range pool.Backends {
		if b.State == control.BackendDown {
			down = append(down, b.Name)
		}
	}
	object := "pools." + pool.Name
	if len(down) > 0 && len(down) == len(pool.Backends) {
		s.add(object, message.BackendsAllDown, pool.Name, len(down)).Value = uint64(len(down))
		return
	}
	for _, name := range down {
		p := s.add(object+".backends."+name, message.BackendDown, pool.Name, name)
		p.Key = p.Object + ".url"
	}
}

func (s *search) certificate(c Certificate) {
	object := "listeners." + c.Listener
	if c.Refused != "" {
		p := s.add(object, message.CertificateRefused, c.Listener, c.Refused)
		p.Since, p.Key = earlier(c.Since, p.Since), object+".tls.cert_file"
	}
	left := c.Expires.Sub(s.now.Time)
	if c.Expires.IsZero() || left >= ExpiresSoon {
		return
	}
	date, days := c.Expires.Format(time.DateOnly), max(0, int(left/(24*time.Hour)))
	var p *control.Problem
	if left <= 0 {
		p = s.add(object, message.CertificateExpired, c.Listener, c.File, date)
	} else {
		p = s.add(object, message.CertificateExpires, c.Listener, c.File, days, date)
	}
	p.Value, p.Key = uint64(days), object+".tls.cert_file"
}

// scarce reports whether few of its descriptors are left.
func (p Process) scarce() bool { return p.Limit > 0 && p.Open*100 >= p.Limit*descriptorsNear }

// serves reports whether it is one that accepts for a listener.
func (p Process) serves(l *control.ListenerInfo) bool {
	if !l.Prefork {
		return p.Object == Master
	}
	return strings.HasPrefix(p.Object, "listeners."+l.Name+".workers.")
}

func (s *search) process(p Process) {
	if !p.scarce() {
		return
	}
	s.add(p.Object, message.DescriptorsScarce, p.Object, p.Open, p.Limit).Value = p.Open
}

func (s *search) config(c *control.ConfigStatus) {
	if c.State != control.ConfigRefused || c.Error == nil {
		return
	}
	if c.Fallback != 0 {
		s.add("config", message.ConfigFallback, c.Fallback, c.Error.Text()).Value = c.Fallback
		return
	}
	s.add("config", message.ConfigRefused, c.Error.Text())
}

func (s *search) state(f Facts) {
	if f.StateMissing != "" {
		s.add("state", message.StateMissing, f.StateMissing)
	}
	if f.NoAdoption != "" {
		s.add("runtime", message.AdoptionMissing, f.NoAdoption)
	}
	if f.StateError != "" {
		p := s.add("state", message.StateFailing, f.StateError)
		p.Since = earlier(f.StateSince, p.Since)
	}
}

func (s *search) log(f Facts) {
	if f.LogDropped > 0 && s.now.Time.Sub(f.LogDroppedAt) < LogDroppedFor {
		s.add("log", message.LogDropped, f.LogDropped).Value = f.LogDropped
	}
}

// earlier of two times; the zero time is not one.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
