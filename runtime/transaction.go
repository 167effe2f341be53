package runtime

import (
	"context"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
)

// transaction is one change of what runs.
type transaction struct {
	to *config.Config
	// record has the ledger make it what runs, at the moment when it is decided.
	// Nil if the config stays as it is: then something else is brought up to date,
	// such as certificates.
	record func() ledger.Effects
	// say makes one line of what is done, by the plan of the steps that are carried
	// out. Nil if nobody is told; otherwise there is a receipt, in the name of actor.
	say   func(*control.Plan) string
	actor string
	// last is done when all is prepared, before it is decided: if it fails,
	// everything is undone. Nil for nothing.
	last func() error
	// lenient lets listeners fail whose addresses cannot be had, unless all do.
	lenient bool
	// reopen is a listener that could not be opened before, the only one that the
	// transaction is about; nil for all that the config changes.
	reopen *endpoints.Listener
}

// outcome of a transaction.
type outcome struct {
	ledger.Effects
	receipt uint64 // its number; 0 if nobody is told
	unkept  map[string]bool
}

// commit carries out a transaction and returns what changed. First comes what can
// fail: addresses are bound, workers started, settings accepted by all of them; a
// failure undoes it and leaves no trace. Then the change is decided, and what it
// replaces is retired. Callers have the turn.
func (a *applier) commit(ctx context.Context, t transaction) (out outcome, err error) {
	p, err := a.prepare(ctx, t)
	if err == nil && t.last != nil {
		err = t.last()
	}
	if err != nil {
		p.back(a)
		return out, err
	}
	var told *control.Plan
	summary := ""
	if t.say != nil {
		told = a.planned(t.to, p)
		summary = t.say(told)
	}
	failpoint("prepared")
	if !a.put(t.to, p.steps) {
		p.back(a)
		return out, ErrClosed
	}
	if t.record != nil {
		out.Effects = t.record()
	}
	failpoint("committed")
	p.lost.tell(a)
	a.keys.Use(a.usedCerts(), a.ledger.View().Trial != nil)
	if told != nil && len(out.Changes) > 0 {
		out.receipt = a.begun(control.Receipt{Summary: summary, Actor: t.actor}, told, p.steps)
	}
	for _, f := range p.retire {
		f()
	}
	a.endpoints.MarkedAll(out.receipt)
	a.endpoints.Announce()
	failpoint("retired")
	out.unkept = a.carry(out.Effects)
	return out, nil
}

// carry carries out what the ledger says, and returns the files of the state
// directory that could not be written or removed.
func (a *applier) carry(e ledger.Effects) (unkept map[string]bool) {
	unkept = a.state.carry(e.Writes)
	for _, event := range e.Events {
		a.events.Add(event)
	}
	a.wakeTimekeeper()
	return unkept
}

// prepared is what a transaction has done that can be taken back.
type prepared struct {
	met          planView // the state before
	steps        []step
	undo, retire []func()
	lost         lostSteps
}

// back takes everything back, in reverse.
func (p *prepared) back(a *applier) {
	for i := len(p.undo) - 1; i >= 0; i-- {
		p.undo[i]()
	}
	if a.endpoints.IsClosed() { // who ended the runtime has not waited, and may have missed what came back just now
		for _, s := range p.steps {
			s.managed.End()
		}
	}
}

// prepare does what can fail. After an error, what it returns is to be taken back.
func (a *applier) prepare(ctx context.Context, t transaction) (p *prepared, err error) {
	p = new(prepared)
	p.met = a.planView(a.ledger.View())
	if p.steps, err = a.stepsOf(t, p.met); err != nil {
		return p, err
	}
	for i, s := range p.steps {
		if err := s.check(ctx); err != nil {
			return p, err
		}
		p.steps[i].retired = s.retirees()
	}
	for _, s := range p.steps {
		undo, retire, err := s.prepare(ctx)
		if t.lenient && endpoints.IsBindError(err) {
			p.lost = append(p.lost, lostStep{s, err})
			continue
		}
		if err != nil {
			return p, err
		}
		p.undo, p.retire = append(p.undo, undo), append(p.retire, retire)
	}
	if len(p.lost) > 0 && len(p.undo) == 0 {
		return p, p.lost.error()
	}
	return p, nil
}

// stepsOf lists what a transaction does to each listener.
func (a *applier) stepsOf(t transaction, met planView) ([]step, error) {
	if t.reopen == nil {
		return a.steps(met, t.to, a.cells.Place)
	}
	name := t.reopen.Name()
	s := step{Step: plan.Step{Name: name, Action: control.ListenerStarted, To: t.to.Listeners[name]}, app: a, managed: t.reopen}
	var err error
	s.to, err = a.settingsFor(t.to, name, a.cells.Place)
	return []step{s}, err
}

// put makes known what listeners there are, and how they are configured, unless
// the runtime has begun to end.
func (a *applier) put(to *config.Config, steps []step) bool {
	used := make([]*endpoints.Listener, len(steps))
	for i, s := range steps {
		used[i] = s.managed
	}
	return a.endpoints.Commit(to.Listeners, used)
}

// change is a transaction that somebody asked for: a refusal is told to the history
// and the events. Callers have the turn.
func (a *applier) change(ctx context.Context, t transaction, e *ledger.Entry) (*control.Result, error) {
	out, err := a.commit(ctx, t)
	if err != nil && ctx.Err() != nil {
		return nil, turnEnded(ctx)
	}
	if err != nil {
		a.carry(a.ledger.Refuse(*e, err))
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	return a.result(out, e.Message), nil
}

// changed is the transaction of an entry, whose message say makes; nil if the entry
// has one and nobody else is told.
func (a *applier) changed(e *ledger.Entry, say func(*control.Plan) string) transaction {
	t := transaction{to: e.To, actor: e.Change.Actor, record: func() ledger.Effects { return a.ledger.Commit(*e) }}
	if say != nil {
		t.say = func(p *control.Plan) string {
			e.Message = say(p)
			return e.Message
		}
	}
	return t
}

// result tells what a transaction did.
func (a *applier) result(out outcome, message string) *control.Result {
	return &control.Result{ID: out.receipt, Revision: a.currentRevision(), Generation: out.Generation,
		Changes: out.Changes, Message: message, Warnings: a.shortfall(), Until: out.Until}
}

func orSomebody(actor string) string { return ledger.OrSomebody(actor) }
