package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// changes are made one after the other.
type changes struct {
	flight *request.Change // planned, asked about or applied now
	queue  []request.Change
	// known is the newest revision seen, in a snapshot or a result.
	known uint64
	// desired are the numbers of workers asked for that no snapshot shows yet.
	desired map[string]desiredWorkers
	// born is when the runtime was started: revisions of another one say nothing.
	born time.Time
}

type desiredWorkers struct {
	workers  int
	revision uint64 // that made it; 0 while it is not made
}

func (c *changes) init() { c.desired = map[string]desiredWorkers{} }

// saw takes note of the revision and forgets the desired numbers that the snapshot shows. A
// snapshot may be older than the result of a change.
func (c *changes) saw(s *control.Snapshot) {
	if !c.born.Equal(s.StartedAt) {
		c.born, c.known = s.StartedAt, 0
		c.init()
	}
	c.known = max(c.known, s.Revision)
	for name, a := range c.desired {
		if a.revision > 0 && a.revision <= s.Revision {
			delete(c.desired, name)
		}
	}
}

// forget drops everything that has not been made.
func (c *changes) forget() {
	c.flight, c.queue = nil, nil
	for name, a := range c.desired {
		if a.revision == 0 {
			delete(c.desired, name)
		}
	}
}

// refusal is why nothing can be changed now, empty if it can.
func (m *model) refusal() string {
	switch {
	case m.opts.ReadOnly:
		return "read-only: this cockpit was started to look, not to change"
	case m.data == nil:
		return "not connected yet"
	case m.data.Role != "admin":
		return fmt.Sprintf("not allowed: your role is %s, only an admin may change something", m.data.Role)
	case m.ending != running:
		return "everything is being stopped"
	case m.lost:
		return "the link is lost: nothing can be changed until it is back"
	}
	return ""
}

// noChange is why the config cannot be changed now, empty if it can.
func (m *model) noChange() string {
	why := m.refusal()
	if why == "" && m.trial() != nil {
		return "a trial is under way, which comes first: " + m.keys.Keep.Help().Key + " keeps it, " + m.keys.TakeBack.Help().Key + " takes it back"
	}
	return why
}

// submit plans a change, or lets it wait for those before it.
func (m *model) submit(r request.Change) tea.Cmd {
	if why := m.noChange(); why != "" {
		return m.say(component.Problem, why)
	}
	if r.Workers != nil {
		m.changes.desired[r.Listener] = desiredWorkers{workers: *r.Workers}
	}
	if m.changes.flight != nil {
		m.enqueue(r)
		return nil
	}
	return m.plan(r)
}

// enqueue lets a change wait. Of resizes of one listener only the last counts.
func (m *model) enqueue(r request.Change) {
	for i := range m.changes.queue {
		if q := &m.changes.queue[i]; q.Workers != nil && r.Workers != nil && q.Listener == r.Listener {
			*q = r
			return
		}
	}
	m.changes.queue = append(m.changes.queue, r)
}

const (
	planTime  = 10 * time.Second
	applyTime = time.Minute // workers may have to start
)

func (m *model) plan(r request.Change) tea.Cmd {
	m.changes.flight = &r
	if r.Base == 0 {
		r.Base = m.changes.known
	}
	return m.do(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		plan, err := m.ctl.Plan(ctx, r.Control(r.Base))
		return plannedMsg{r, plan, err}
	})
}

// planned applies what harms nobody and asks about the rest.
func (m *model) planned(msg plannedMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		return m.failed(msg.change, msg.err)
	case len(msg.plan.Changes) == 0:
		m.closeForm(msg.change)
		return tea.Batch(m.say(component.Note, "nothing changes"), m.nextChange())
	case isHarmless(msg.plan) && len(msg.plan.Warnings) == 0 && !msg.change.ShowPlan:
		return m.apply(msg.change, msg.plan.Revision)
	case m.question != nil:
		m.changes.forget()
		return m.say(component.Note, "not done: another question was open")
	}
	return m.confirm(msg.change, msg.plan)
}

// isHarmless reports whether a plan ends no connection, no worker and no listener.
func isHarmless(p *control.Plan) bool {
	for _, l := range p.Listeners {
		switch l.Action {
		case "stop", "remove", "rebind":
			return false
		}
		if l.Drained > 0 || l.WorkersRetired > 0 {
			return false
		}
	}
	for _, c := range p.Changes {
		if c.Effect == config.Rebind || c.Effect == config.Restart {
			return false
		}
	}
	return true
}

func (m *model) apply(r request.Change, revision uint64) tea.Cmd {
	return m.do(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, applyTime)
		defer cancel()
		if r.Generation != 0 && r.Confirm == 0 {
			result, err := m.ctl.Act(ctx, control.Action{Kind: control.Rollback, Generation: r.Generation, Base: revision, Actor: request.Actor})
			return appliedMsg{r, result, err}
		}
		result, err := m.ctl.Apply(ctx, r.Control(revision))
		return appliedMsg{r, result, err}
	})
}

func (m *model) applied(msg appliedMsg) tea.Cmd {
	if msg.err != nil {
		return m.failed(msg.change, msg.err)
	}
	r := msg.change
	m.changes.known = max(m.changes.known, msg.result.Revision)
	if a, ok := m.changes.desired[r.Listener]; ok && r.Workers != nil && a.workers == *r.Workers {
		m.changes.desired[r.Listener] = desiredWorkers{a.workers, msg.result.Revision}
	}
	m.closeForm(r)
	m.fastTicks = 10
	text := r.Done
	switch {
	case msg.result.Until != nil:
		text = "on trial: " + msg.result.Message
	case text == "":
		text = msg.result.Message
	}
	return tea.Batch(m.say(component.Done, text), m.nextChange(), m.tick(first))
}

// nextChange goes on with what waits. The same operator asked for it before
// the last change was made: its base is now the newest revision.
func (m *model) nextChange() tea.Cmd {
	m.changes.flight = nil
	if len(m.changes.queue) == 0 {
		return nil
	}
	r := m.changes.queue[0]
	m.changes.queue = m.changes.queue[1:]
	r.Base = m.changes.known
	return m.plan(r)
}

// failed says why a change was not made, where it was asked for. Those that wait
// are dropped: they counted on it.
func (m *model) failed(r request.Change, err error) tea.Cmd {
	m.changes.forget()
	text := m.problem(err)
	if r.FromForm && m.form != nil {
		m.form.Failed = text
		m.form.base = 0 // having been told, the operator may insist
		return nil
	}
	return tea.Batch(m.say(component.Problem, text), m.tick(first))
}

// problem is an error in words for an operator.
func (m *model) problem(err error) string {
	text := explain(err)
	switch {
	case errors.Is(err, control.ErrConflict) && m.data != nil && m.data.Config.Trial != nil:
		return text
	case errors.Is(err, control.ErrConflict):
		if who := m.lastActor(); who != "" {
			return "changed meanwhile by " + who + "; look again"
		}
		return "changed meanwhile: " + text + "; look again"
	case errors.Is(err, control.ErrDenied):
		return "not allowed: " + text
	case errors.Is(err, control.ErrRefused):
		return "refused, the old state keeps running: " + text
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time; the listeners show whether it was done"
	}
	return text
}

// explain adds to an error the first of its details and what would be right.
func explain(err error) string {
	text := err.Error()
	var e *control.Error
	if !errors.As(err, &e) || len(e.Details) == 0 {
		return text
	}
	d := e.Details[0]
	for _, more := range []struct{ sep, text string }{{": ", d.Message}, {", ", d.Hint}} {
		if !strings.Contains(text, more.text) {
			text += more.sep + more.text
		}
	}
	return text
}

// lastActor made the newest change that is not of this cockpit, as far as the
// snapshot tells.
func (m *model) lastActor() string {
	if m.data == nil {
		return ""
	}
	for i := len(m.data.Events) - 1; i >= 0; i-- {
		if a := m.data.Events[i].Actor; a != "" {
			return a
		}
	}
	return ""
}

// act does what is not a change of state.
func (m *model) act(action control.Action, limit time.Duration) tea.Cmd {
	action.Actor = request.Actor
	return m.do(func(ctx context.Context) tea.Msg {
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		result, err := m.ctl.Act(ctx, action)
		return actedMsg{action, result, err}
	})
}

func (m *model) acted(msg actedMsg) tea.Cmd {
	if msg.action.Kind == control.Shutdown {
		return m.shutDown(msg.err)
	}
	if msg.err != nil {
		return m.say(component.Problem, m.problem(msg.err))
	}
	m.fastTicks = 10
	if t := m.trial(); t != nil && (msg.action.Kind == control.Confirm || msg.action.Kind == control.Rollback) {
		m.trialOver = t.Until
	}
	m.changes.known = max(m.changes.known, msg.result.Revision)
	return tea.Batch(m.say(component.Done, msg.result.Message), m.tick(first))
}

// shutDown goes on when the runtime has accepted to end. That the link breaks
// meanwhile is no error: it is what was asked for.
func (m *model) shutDown(err error) tea.Cmd {
	if err != nil && !errors.Is(err, control.ErrUnavailable) {
		m.ending = running
		return m.say(component.Problem, m.problem(err))
	}
	m.ending = draining
	return m.tick(first)
}

// hasEnded reports whether the runtime that was asked to end has done so.
func (m *model) hasEnded() bool {
	if m.ending != draining {
		return false
	}
	if m.seen.Err != nil || m.data == nil {
		return true
	}
	for i := range m.data.Listeners {
		if m.data.Listeners[i].State != control.StateStopped {
			return false
		}
	}
	return m.data.Open() == 0
}

// scale asks for so many workers more than there are, or are asked for already.
func (m *model) scale(name string, by int) tea.Cmd {
	l := m.data.Listener(name)
	if l == nil {
		return nil
	}
	have := wanted(l.WorkersWanted, l.Prefork)
	if a, ok := m.changes.desired[name]; ok {
		have = a.workers
	}
	to := have + by
	if to < 0 || to > maxWorkers {
		return m.say(component.Note, fmt.Sprintf("%s: the number of workers is from 0 to %d", name, maxWorkers))
	}
	return m.submit(request.Resize(name, to))
}

// maxWorkers is the most one can ask for here.
const maxWorkers = 256

// wanted is the number of workers in the words of the config: 0 is the master itself.
func wanted(workers int, prefork bool) int {
	if !prefork {
		return 0
	}
	return workers
}

func (m *model) toggle(name string) tea.Cmd {
	l := m.data.Listener(name)
	if l == nil {
		return nil
	}
	return m.submit(request.Enable(name, !l.Enabled))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
