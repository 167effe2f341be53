package tui

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// wish is a change an operator has asked for. It is planned first; what the
// plan says decides whether it is applied or asked about.
type wish struct {
	listener string
	patch    config.Patch
	// base is the revision the operator looked at.
	base uint64
	// workers is the number wished for, if it is a resize, else nil.
	workers *int
	// title is the question, should one have to be asked, and verb its button.
	title, verb string
	// done is what to say when it is made; empty says what the runtime says.
	done string
	// form says that the open form made it, and waits for what becomes of it.
	form bool
	// asks says that the plan is to be shown even if it harms nobody.
	asks bool
	// persist also changes the file, and confirm puts the change on trial.
	persist bool
	confirm time.Duration
	// generation to go back to instead of making a patch, 0 if none, and its config.
	generation uint64
	config     string
}

// changes are made one after the other.
type changes struct {
	flight *wish // planned, asked about or applied now
	queue  []wish
	// known is the newest revision seen, in a snapshot or a result.
	known uint64
	// aims are the numbers of workers wished for that snapshots do not show yet.
	aims map[string]aim
	// born is when the runtime was started: revisions of another one say nothing.
	born time.Time
}

type aim struct {
	workers  int
	revision uint64 // that made it; 0 while it is not made
}

func (c *changes) init() { c.aims = map[string]aim{} }

// saw takes note of the revision and forgets aims that the snapshot shows. A
// snapshot may be older than the result of a change.
func (c *changes) saw(s *control.Snapshot) {
	if !c.born.Equal(s.StartedAt) {
		c.born, c.known = s.StartedAt, 0
		c.init()
	}
	c.known = max(c.known, s.Revision)
	for name, a := range c.aims {
		if a.revision > 0 && a.revision <= s.Revision {
			delete(c.aims, name)
		}
	}
}

// forget drops everything that has not been made.
func (c *changes) forget() {
	c.flight, c.queue = nil, nil
	for name, a := range c.aims {
		if a.revision == 0 {
			delete(c.aims, name)
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

// want plans a wish, or lets it wait for those before it.
func (m *model) want(w wish) tea.Cmd {
	if why := m.noChange(); why != "" {
		return m.say(component.Problem, why)
	}
	if w.workers != nil {
		m.changes.aims[w.listener] = aim{workers: *w.workers}
	}
	if m.changes.flight != nil {
		m.enqueue(w)
		return nil
	}
	return m.plan(w)
}

// enqueue lets a wish wait. Of resizes of one listener only the last counts.
func (m *model) enqueue(w wish) {
	for i := range m.changes.queue {
		if q := &m.changes.queue[i]; q.workers != nil && w.workers != nil && q.listener == w.listener {
			*q = w
			return
		}
	}
	m.changes.queue = append(m.changes.queue, w)
}

const (
	planTime  = 10 * time.Second
	applyTime = time.Minute // workers may have to start
)

func (m *model) plan(w wish) tea.Cmd {
	m.changes.flight = &w
	if w.base == 0 {
		w.base = m.changes.known
	}
	return m.do(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		plan, err := m.ctl.Plan(ctx, w.change(w.base))
		return plannedMsg{w, plan, err}
	})
}

func (w *wish) change(base uint64) control.Change {
	return control.Change{Patch: w.patch, Config: w.config, Base: base, Persist: w.persist, Confirm: config.Duration(w.confirm), Actor: "cockpit"}
}

// planned applies what harms nobody and asks about the rest.
func (m *model) planned(msg plannedMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		return m.failed(msg.wish, msg.err)
	case len(msg.plan.Changes) == 0:
		m.closeForm(msg.wish)
		return tea.Batch(m.say(component.Note, "nothing changes"), m.nextWish())
	case isHarmless(msg.plan) && len(msg.plan.Warnings) == 0 && !msg.wish.asks:
		return m.apply(msg.wish, msg.plan.Revision)
	case m.question != nil:
		m.changes.forget()
		return m.say(component.Note, "not done: another question was open")
	}
	return m.confirm(msg.wish, msg.plan)
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

func (m *model) apply(w wish, revision uint64) tea.Cmd {
	return m.do(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, applyTime)
		defer cancel()
		if w.generation != 0 && w.confirm == 0 {
			result, err := m.ctl.Act(ctx, control.Action{Kind: control.Rollback, Generation: w.generation, Base: revision, Actor: "cockpit"})
			return appliedMsg{w, result, err}
		}
		result, err := m.ctl.Apply(ctx, w.change(revision))
		return appliedMsg{w, result, err}
	})
}

func (m *model) applied(msg appliedMsg) tea.Cmd {
	if msg.err != nil {
		return m.failed(msg.wish, msg.err)
	}
	w := msg.wish
	m.changes.known = max(m.changes.known, msg.result.Revision)
	if a, ok := m.changes.aims[w.listener]; ok && w.workers != nil && a.workers == *w.workers {
		m.changes.aims[w.listener] = aim{a.workers, msg.result.Revision}
	}
	m.closeForm(w)
	m.hurry = 10
	text := w.done
	switch {
	case msg.result.Until != nil:
		text = "on trial: " + msg.result.Message
	case text == "":
		text = msg.result.Message
	}
	return tea.Batch(m.say(component.Done, text), m.nextWish(), m.tick(first))
}

// nextWish goes on with what waits. It was thought up before the change just
// made, but by the same operator: its base is now the newest revision.
func (m *model) nextWish() tea.Cmd {
	m.changes.flight = nil
	if len(m.changes.queue) == 0 {
		return nil
	}
	w := m.changes.queue[0]
	m.changes.queue = m.changes.queue[1:]
	w.base = m.changes.known
	return m.plan(w)
}

// failed says why a wish was not granted, where it was wished. Those that wait
// are dropped: they counted on it.
func (m *model) failed(w wish, err error) tea.Cmd {
	m.changes.forget()
	text := m.problem(err)
	if w.form && m.form != nil {
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
	action.Actor = "cockpit"
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
	m.hurry = 10
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
	if m.seen.err != nil || m.data == nil {
		return true
	}
	for i := range m.data.Listeners {
		if m.data.Listeners[i].State != control.StateStopped {
			return false
		}
	}
	return m.data.Open() == 0
}

// scale wishes for so many workers more than there are, or are wished for.
func (m *model) scale(name string, by int) tea.Cmd {
	l := m.data.Listener(name)
	if l == nil {
		return nil
	}
	have := wanted(l.WorkersWanted, l.Prefork)
	if a, ok := m.changes.aims[name]; ok {
		have = a.workers
	}
	to := have + by
	if to < 0 || to > maxWorkers {
		return m.say(component.Note, fmt.Sprintf("%s: the number of workers is from 0 to %d", name, maxWorkers))
	}
	return m.want(resizeWish(name, to))
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

func resizeWish(name string, to int) wish {
	done := fmt.Sprintf("%s: %s wanted", name, plural(to, "worker"))
	if to == 0 {
		done = name + ": served in the master process"
	}
	return wish{
		listener: name, workers: &to, done: done,
		patch: config.Patch{{Path: "listeners." + name + ".prefork.workers", Value: strconv.Itoa(to)}},
		title: fmt.Sprintf("resize %s to %s?", name, plural(to, "worker")), verb: "resize",
	}
}

func (m *model) toggle(name string) tea.Cmd {
	l := m.data.Listener(name)
	if l == nil {
		return nil
	}
	w := wish{listener: name, title: "stop " + name + "?", verb: "stop"}
	value := "false"
	if !l.Enabled {
		value, w.title, w.verb = "true", "start "+name+"?", "start"
	}
	w.patch = config.Patch{{Path: "listeners." + name + ".enabled", Value: value}}
	return m.want(w)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
