package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Status writes the state of the runtime in a page: config, listeners, pools,
// problems.
func Status(p *Page, s *control.Snapshot) {
	p.Line("rockstar-tui %s on %s, pid %d, up %s, generation %d", s.Version, s.Host, s.PID, since(s.StartedAt, s.Time), s.Generation)
	configStatus(p, s)
	if u := s.Upgrade; u != nil && (!u.Over() || u.State == control.UpgradeFailed) {
		p.Line("upgrade from %s to %s: %s", u.From, u.To, strings.TrimSpace(u.State+" "+u.Error))
	}
	p.Line("")
	if len(s.Listeners) == 0 {
		p.Line("no listeners")
	} else {
		p.Table("LISTENER|PROTO|ADDRESS|STATE|>WORKERS|>ACTIVE|>IDLE|>REQUESTS|>ERRORS", statusRows(s))
	}
	reasons(p, s)
	crashes(p, s)
	if text := Rolling(s); text != "" {
		p.Line("restart under way: %s", text)
	}
	if len(s.Pools) > 0 {
		p.Line("")
		Pools(p, s)
	}
	problemsOf(p, s)
}

func statusRows(s *control.Snapshot) [][]string {
	var rows [][]string
	for _, l := range s.Listeners {
		rows = append(rows, []string{l.Name, l.Protocol, l.Address, l.State, workersOf(&l),
			count(l.Connections.Active), count(l.Connections.Idle), count(l.Requests), count(l.Errors)})
	}
	return rows
}

var configStates = map[string]string{
	control.ConfigInSync:     "in sync",
	control.ConfigOverridden: "overridden",
	control.ConfigRefused:    "REFUSED, the last good config runs",
	control.ConfigPending:    "being applied",
}

func configStatus(p *Page, s *control.Snapshot) {
	c := &s.Config
	path, state, differs := c.Path, configStates[c.State], "differs from the file"
	if path == "" {
		path, differs = "(demo, no file)", "changed since start"
		if c.State == control.ConfigOverridden {
			state = differs
		}
	}
	if state == "" {
		state = c.State
	}
	p.Line("config %s: %s", path, state)
	if c.Error != nil {
		for _, line := range ErrorLines(c.Error) {
			p.Line("  %s", line)
		}
	}
	trialText(p, s)
	overrides(p, s, differs)
}

// reasons tells why a listener is not as it should be.
func reasons(p *Page, s *control.Snapshot) {
	for _, l := range s.Listeners {
		if l.Reason != "" {
			p.Line("%s %s: %s", l.Name, l.State, l.Reason)
		}
		if l.Prefork && l.SteeringReason != "" {
			p.Line("%s steers %s: %s", l.Name, l.Steering, l.SteeringReason)
		}
	}
}

// crashes shows the workers of degraded listeners that end again and again.
func crashes(p *Page, s *control.Snapshot) {
	for _, w := range WorkersOf(s.Listeners) {
		if w.Crashes > 0 && w.State != control.WorkerReady {
			lastEnd(p, w, s.Time)
		}
	}
}

// Rolling tells, in one line, which restarts are under way.
func Rolling(s *control.Snapshot) string {
	var parts []string
	for _, l := range s.Listeners {
		if r := l.Rolling; r != nil {
			parts = append(parts, fmt.Sprintf("%s: %d of %s replaced", l.Name, r.Done, words.Count(r.Total, "worker")))
		}
	}
	return strings.Join(parts, ", ")
}

// trialText tells of what is not for good, or not decided, in the status.
func trialText(p *Page, s *control.Snapshot) {
	if t := s.Config.Trial; t != nil {
		p.Line("  on trial by %s for %s more: %s; confirm keeps it, rollback undoes it",
			t.Actor, Age(t.Until.Sub(s.Time)), words.Count(len(t.Changes), "value"))
		if t.Guard != nil {
			p.Line("  its guard rolls it back at %s", t.Guard)
		}
		if t.Error != "" {
			p.Line("  it cannot be rolled back yet: %s", t.Error)
		}
	}
	Held(p, s)
	if n := s.Config.Fallback; n != 0 {
		p.Line("  generation %d, the last good config, runs instead of the file", n)
	}
}

// Held tells of a config change that waits for a decision.
func Held(p *Page, s *control.Snapshot) {
	h := s.Config.Held
	if h == nil {
		return
	}
	p.Line("  saved %s ago and not applied: %s%s", since(h.Since, s.Time), h.Reason, suffix(h.Summary))
	if !h.Trial {
		p.Line("  held accept applies it, held reject drops it")
	}
}

func suffix(text string) string {
	if text == "" {
		return ""
	}
	return "; " + text
}

// overrides writes what differs from the file in three columns, with who and why.
func overrides(p *Page, s *control.Snapshot, differs string) {
	known := map[string]bool{}
	var rows [][]string
	for _, e := range s.Config.Edits {
		known[e.Path] = true
		expires := "-"
		if e.Expires != nil {
			expires = Age(e.Expires.Sub(s.Time))
		}
		rows = append(rows, []string{"  " + e.Path, orAbsent(e.File), orAbsent(e.Value), since(e.Since, s.Time), expires, said(e.Actor, e.Reason)})
	}
	for _, path := range s.Config.Overrides {
		if !known[path] {
			p.Line("  %s: %s", differs, path)
		}
	}
	if len(rows) > 0 {
		p.Line("  %s, %s:", differs, words.Count(len(rows), "value"))
		p.Table("  PATH|FILE|RUNS|>SINCE|>EXPIRES IN|WHO", rows)
	}
}

// problemsOf are the problems in the status.
func problemsOf(p *Page, s *control.Snapshot) {
	if len(s.Problems) == 0 {
		return
	}
	p.Line("")
	p.Line("%s", words.Count(len(s.Problems), "problem"))
	Problems(p, s.Problems, s.Time)
}

// Problems writes each problem with its age at now and its remedy.
func Problems(p *Page, found []control.Problem, now time.Time) {
	for _, problem := range found {
		p.Line("  %s for %s: %s", problem.Severity, since(problem.Since, now), problem.Message)
		p.Line("        %s", problem.Remedy)
	}
}
