package runtime

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// Plan tells what a change would do. It connects to backends, binds addresses and
// reads files, which takes time: it looks at the state of one moment and keeps
// nobody from changing it.
func (a *App) Plan(ctx context.Context, c control.Change) (*control.Plan, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	v := a.view()
	to, err := a.wanted(v, c, a.wholeConfig(c))
	if err != nil {
		return nil, err
	}
	if err := a.keys.Load(ctx, to); err != nil {
		return nil, err
	}
	steps, err := a.steps(v.config, to, a.cells.Peek)
	if err != nil {
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	p := a.planOf(v, to, steps)
	if err := a.probe(ctx, p, steps, v.config, to); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	detail(ctx, p, steps)
	return p, nil
}

// plan compares what runs with to, and asks no worker about it. Callers hold
// changeMu.
func (a *App) plan(to *config.Config) *control.Plan {
	v := a.view()
	steps, err := a.steps(v.config, to, a.cells.Peek)
	if err != nil {
		steps = nil // said again by whoever makes the change
	}
	for i := range steps {
		steps[i].quick = true
	}
	return a.planOf(v, to, steps)
}

func (a *App) planOf(v view, to *config.Config, steps []step) *control.Plan {
	p := &control.Plan{
		Revision: v.revision, Changes: config.Diff(v.config, to),
		Listeners: []control.ListenerPlan{},
	}
	if p.Changes == nil {
		p.Changes = []config.Change{}
	}
	for _, s := range steps {
		p.Listeners = append(p.Listeners, s.plan())
	}
	p.Pools = a.poolPlans(v.config, to)
	p.Summary = summaryOf(p)
	return p
}

// summaryOf joins what is said of the parts of a plan.
func summaryOf(p *control.Plan) string {
	var said []string
	for _, lp := range p.Listeners {
		said = append(said, lp.Summary)
	}
	for _, pp := range p.Pools {
		said = append(said, pp.Summary)
	}
	switch {
	case len(p.Changes) == 0:
		return "nothing to change"
	case len(said) == 0:
		return fmt.Sprintf("%s, no listener is touched", words.Count(len(p.Changes), "value"))
	}
	return strings.Join(said, "; ")
}

// plan tells what a step would do to its listener.
func (s step) plan() control.ListenerPlan {
	p := control.ListenerPlan{Name: s.name, Action: s.kind}
	open := int(s.openConnections(0))
	from := 0
	if e := s.running; e != nil {
		from = e.current().Listener.Prefork.Workers
	}
	to := s.to.Listener.Prefork.Workers
	switch s.kind {
	case "start":
		p.WorkersStarted = to
		p.Summary = fmt.Sprintf("%s starts on %s", s.name, s.to.Listener.Address)
	case "stop", "remove":
		p.WorkersRetired, p.Drained = from, open
		p.Summary = fmt.Sprintf("%s stops, %s", s.name, ends(open))
	case "rebind":
		p.WorkersStarted, p.WorkersRetired, p.Drained = to, from, open
		p.Summary = fmt.Sprintf("%s moves to %s, %s", s.name, s.to.Listener.Address, ends(open))
	case "resize":
		p.WorkersStarted, p.WorkersRetired = max(0, to-from), max(0, from-to)
		p.Drained = int(s.openConnections(to))
		if to > from && from > 0 {
			p.Drained = 0
		}
		if p.Drained > 0 {
			p.Drained -= min(p.Drained, s.moved(from, to))
		}
		p.Kept = open - p.Drained
		p.Summary = s.resizeSummary(from, to, p.Drained)
	default:
		var late listener.Overdue
		why := s.leaving()
		if p.Drained = open; why == "" {
			late = s.overdue()
			p.Drained = min(late.Idle+late.Active, open)
		}
		p.Kept = open - p.Drained
		p.Summary = fmt.Sprintf("%s changes live, %s", s.name, s.ending(late))
		if why != "" {
			p.Summary = fmt.Sprintf("%s %s, %s", s.name, why, ends(open))
		}
	}
	if p.WorkersRetired > 0 || p.Drained > 0 && (s.kind != "update" || s.leaving() != "") {
		p.Deadline = s.drainDeadline()
	}
	return p
}

// leaving tells what makes every open connection leave after its present request,
// though the socket and who serves it stay; empty if nothing does.
func (s step) leaving() string {
	was, will := s.running.current().Listener, s.to.Listener
	switch {
	case !was.Secure() && will.Secure():
		return "begins to speak TLS"
	case was.Secure() && !will.Secure():
		return "no longer speaks TLS"
	case was.Protocol != will.Protocol || was.H2C != will.H2C:
		return "changes its protocol"
	case was.KeepAlive.Enabled && !will.KeepAlive.Enabled:
		return "closes connections after each request"
	}
	return ""
}

// overdue counts the connections that a shorter timeout ends at once.
func (s step) overdue() (n listener.Overdue) {
	was, will := s.running.current().Listener, s.to.Listener
	if s.quick || was.Timeouts == will.Timeouts {
		return n
	}
	ctx, cancel := context.WithTimeout(context.Background(), inspectTimeout)
	defer cancel()
	return s.managed.overdue(ctx, will)
}

// inspectTimeout bounds how long a plan waits for workers to list connections.
const inspectTimeout = 2 * time.Second

func (s step) ending(late listener.Overdue) string {
	t := s.to.Listener.Timeouts
	var ends []string
	if late.Idle > 0 {
		ends = append(ends, fmt.Sprintf("%s at once, idle for longer than %s", pluralVerb(late.Idle, "connection", "ends", "end"), t.Idle))
	}
	if late.Active > 0 {
		ends = append(ends, fmt.Sprintf("%s at once within a request, longer than request %s or response %s",
			pluralVerb(late.Active, "connection", "ends", "end"), t.Request, t.Response))
	}
	if len(ends) == 0 {
		return "nothing dropped"
	}
	return strings.Join(ends, ", ")
}

func (s step) resizeSummary(from, to, drained int) string {
	switch {
	case to == 0:
		return fmt.Sprintf("%s: served by the master instead of %s, %s", s.name, words.Count(from, "worker"), ends(drained))
	case from == 0:
		return fmt.Sprintf("%s: served by %s instead of the master, %s", s.name, words.Count(to, "worker"), ends(drained))
	case to > from:
		return fmt.Sprintf("%s: %s, nothing dropped", s.name, words.Count(to-from, "new worker"))
	default:
		return fmt.Sprintf("%s: %s, %s", s.name, words.Count(from-to, "worker")+" fewer", ends(drained))
	}
}

// openConnections of the workers whose id is at least from; draining ones have
// been told before and do not count.
func (s step) openConnections(from int) (n uint64) {
	e := s.running
	if e == nil {
		return 0
	}
	inProcess := e.current().Listener.Prefork.Workers == 0
	e.each(func(w prefork.Status, b *scoreboard.Board) {
		if w.State != prefork.Draining && (inProcess || w.ID >= from) {
			t := b.Listener.Load()
			n += t.Active + t.Idle
		}
	})
	return n
}

// drainDeadline is the longest that what is retired may take.
func (s step) drainDeadline() string {
	if e := s.running; e != nil {
		return e.current().Listener.Timeouts.Shutdown.String()
	}
	return ""
}

func ends(connections int) string {
	if connections == 0 {
		return "no connection ends"
	}
	return fmt.Sprintf("%s after the present request", pluralVerb(connections, "connection", "ends", "end"))
}

func pluralVerb(n int, noun, one, many string) string {
	if n == 1 {
		return "1 " + noun + " " + one
	}
	return fmt.Sprintf("%d %ss %s", n, noun, many)
}
