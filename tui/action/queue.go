package action

import (
	"context"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// Messages are what happened.
type (
	plannedMsg struct {
		change request.Change
		plan   *control.Plan
		err    error
	}
	appliedMsg struct {
		change request.Change
		result *control.Result
		err    error
	}
	actedMsg struct {
		action control.Action
		result *control.Result
		err    error
	}
)

// Update handles a message of what was asked of the runtime. It reports false if
// the message is not of that kind.
func (o *Operator) Update(msg tea.Msg) (tea.Cmd, bool) {
	switch msg := msg.(type) {
	case plannedMsg:
		return o.planned(msg), true
	case appliedMsg:
		return o.applied(msg), true
	case actedMsg:
		return o.acted(msg), true
	case connectionsMsg:
		return o.showConnections(msg), true
	case generationMsg:
		return o.generation(msg), true
	}
	return nil, false
}

// Saw takes note of a snapshot.
func (o *Operator) Saw(s *control.Snapshot) { o.queue.saw(s) }

// Busy reports whether something asked for is under way.
func (o *Operator) Busy() bool { return o.queue.flight != nil || o.ending != NotStopping }

// queue has the changes, which are made one after the other.
type queue struct {
	flight  *request.Change // planned, asked about or applied now
	waiting []request.Change
	// known is the newest generation seen, in a snapshot or a result.
	known uint64
	// desired are the numbers of workers asked for that no snapshot shows yet.
	desired map[string]desiredWorkers
	// born is when the runtime was started: revisions of another one say nothing.
	born time.Time
}

type desiredWorkers struct {
	workers    int
	generation uint64 // that made it; 0 while it is not made
}

func (q *queue) init() { q.desired = map[string]desiredWorkers{} }

// saw takes note of the generation and forgets the desired numbers that the snapshot shows. A
// snapshot may be older than the result of a change.
func (q *queue) saw(s *control.Snapshot) {
	if !q.born.Equal(s.StartedAt) {
		q.born, q.known = s.StartedAt, 0
		q.init()
	}
	q.known = max(q.known, s.Generation)
	for name, a := range q.desired {
		if a.generation > 0 && a.generation <= s.Generation {
			delete(q.desired, name)
		}
	}
}

// forget drops everything that has not been made.
func (q *queue) forget() {
	q.flight, q.waiting = nil, nil
	for name, a := range q.desired {
		if a.generation == 0 {
			delete(q.desired, name)
		}
	}
}

// refusal is why nothing can be changed now, empty if it can.
func (o *Operator) refusal() string {
	switch {
	case o.options.ReadOnly:
		return "this cockpit is read-only"
	case o.env.Data() == nil:
		return "not connected yet"
	case o.env.Data().Role != "admin":
		return fmt.Sprintf("not allowed: your role is %s; only an admin may make changes", o.env.Data().Role)
	case o.ending != NotStopping:
		return "everything is stopping"
	case o.env.Lost():
		return "no changes until the link is back"
	}
	return ""
}

// noChange is why the config cannot be changed now, empty if it can.
func (o *Operator) noChange() string {
	why := o.refusal()
	if why == "" && o.Trial() != nil {
		return "end the trial first: " + o.KeyOf("keep") + " confirms it, " + o.KeyOf("take-back") + " rolls it back"
	}
	return why
}

// submit plans a change, or lets it wait for those before it.
func (o *Operator) submit(r request.Change) tea.Cmd {
	if why := o.noChange(); why != "" {
		return o.env.Notify(component.Problem, why)
	}
	if r.Workers != nil {
		o.queue.desired[r.Listener] = desiredWorkers{workers: *r.Workers}
	}
	if o.queue.flight != nil {
		o.enqueue(r)
		return nil
	}
	return o.plan(r)
}

// enqueue lets a change wait. Of resizes of one listener only the last counts.
func (o *Operator) enqueue(r request.Change) {
	for i := range o.queue.waiting {
		if q := &o.queue.waiting[i]; q.Workers != nil && r.Workers != nil && q.Listener == r.Listener {
			*q = r
			return
		}
	}
	o.queue.waiting = append(o.queue.waiting, r)
}

const (
	planTime  = 10 * time.Second
	applyTime = time.Minute // workers may have to start
)

func (o *Operator) plan(r request.Change) tea.Cmd {
	o.queue.flight = &r
	if r.Base == 0 {
		r.Base = o.queue.known
	}
	return o.env.Call(func(ctx context.Context, ctl control.Controller) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		plan, err := ctl.Plan(ctx, r.Control(r.Base))
		return plannedMsg{r, plan, err}
	})
}

// asking reports whether a question is open.
func (o *Operator) asking() bool {
	_, open := o.env.Top().(*dialog.Question)
	return open
}

// planned applies what harms nobody and asks about the rest.
func (o *Operator) planned(msg plannedMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		return o.failed(msg.change, msg.err)
	case len(msg.plan.Changes) == 0:
		o.closeForm(msg.change)
		return tea.Batch(o.env.Notify(component.Note, "nothing changes"), o.nextChange())
	case !msg.plan.Disruptive() && len(msg.plan.Warnings) == 0 && !msg.change.ShowPlan:
		return o.apply(msg.change, msg.plan.Generation)
	case o.asking():
		o.queue.forget()
		return o.env.Notify(component.Note, "not done: another question is open")
	}
	return o.confirm(msg.change, msg.plan)
}

func (o *Operator) apply(r request.Change, generation uint64) tea.Cmd {
	return o.env.Call(func(ctx context.Context, ctl control.Controller) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, applyTime)
		defer cancel()
		if r.Generation != 0 && r.Confirm == 0 {
			result, err := ctl.Act(ctx, control.Action{Kind: control.Rollback, Generation: r.Generation, Base: generation, Actor: request.Actor})
			return appliedMsg{r, result, err}
		}
		result, err := ctl.Apply(ctx, r.Control(generation))
		return appliedMsg{r, result, err}
	})
}

func (o *Operator) applied(msg appliedMsg) tea.Cmd {
	if msg.err != nil {
		return o.failed(msg.change, msg.err)
	}
	r := msg.change
	o.queue.known = max(o.queue.known, msg.result.Generation)
	o.expect(msg.result)
	if a, ok := o.queue.desired[r.Listener]; ok && r.Workers != nil && a.workers == *r.Workers {
		o.queue.desired[r.Listener] = desiredWorkers{a.workers, msg.result.Generation}
	}
	o.closeForm(r)
	text := r.Done
	switch {
	case msg.result.Until != nil:
		text = "on trial: " + msg.result.Message
	case text == "":
		text = msg.result.Message
	}
	return tea.Batch(o.env.Notify(component.Done, text), o.nextChange(), o.env.LookSoon())
}

// nextChange goes on with what waits. The same operator asked for it before
// the last change was made: its base is now the newest generation.
func (o *Operator) nextChange() tea.Cmd {
	o.queue.flight = nil
	if len(o.queue.waiting) == 0 {
		return nil
	}
	r := o.queue.waiting[0]
	o.queue.waiting = o.queue.waiting[1:]
	r.Base = o.queue.known
	return o.plan(r)
}

// failed says why a change was not made, where it was asked for. Those that wait
// are dropped: they counted on it.
func (o *Operator) failed(r request.Change, err error) tea.Cmd {
	o.queue.forget()
	text := o.problem(err)
	if r.FromForm && o.form != nil {
		o.form.Failed = text
		o.form.Base = 0 // having been told, the operator may insist
		return nil
	}
	return tea.Batch(o.env.Notify(component.Problem, text), o.env.LookSoon())
}
