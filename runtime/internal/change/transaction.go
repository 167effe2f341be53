package change

import (
	"context"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/steps"
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
func (e *Engine) commit(ctx context.Context, t transaction) (out outcome, err error) {
	p, err := e.prepare(ctx, t)
	if err != nil {
		return out, err
	}
	if t.last != nil {
		if err := t.last(); err != nil {
			p.Back()
			return out, err
		}
	}
	var told *control.Plan
	summary := ""
	if t.say != nil {
		told = e.planned(t.to, p)
		summary = t.say(told)
	}
	e.at("prepared")
	if !p.Commit(t.to) {
		p.Back()
		return out, e.closed
	}
	if t.record != nil {
		out.Effects = t.record()
	}
	e.at("committed")
	e.tellLost(p.Lost)
	e.steps.UseCertificates(e.ledger.View().Trial != nil)
	if told != nil && len(out.Changes) > 0 {
		out.receipt = e.begun(control.Receipt{Summary: summary, Actor: t.actor}, told, p)
	}
	p.Retire()
	e.endpoints.MarkedAll(out.receipt)
	e.endpoints.Announce()
	e.at("retired")
	out.unkept = e.carry(out.Effects)
	return out, nil
}

// carry carries out what the ledger says, and returns the files of the state
// directory that could not be written or removed.
func (e *Engine) carry(effects ledger.Effects) (unkept map[string]bool) {
	unkept = e.state.carry(effects.Writes)
	for _, event := range effects.Events {
		e.events.Add(event)
	}
	e.wakeTimekeeper()
	return unkept
}

// prepare does what can fail.
func (e *Engine) prepare(ctx context.Context, t transaction) (*steps.Prepared, error) {
	if t.reopen != nil {
		return e.steps.PrepareOne(ctx, t.to, t.reopen)
	}
	return e.steps.Prepare(ctx, e.ledger.View(), t.to, t.lenient)
}

// change is a transaction that somebody asked for: a refusal is told to the history
// and the events. Callers have the turn.
func (e *Engine) change(ctx context.Context, t transaction, entry *ledger.Entry) (*control.Result, error) {
	out, err := e.commit(ctx, t)
	if err != nil && ctx.Err() != nil {
		return nil, turnEnded(ctx)
	}
	if err != nil {
		e.carry(e.ledger.Refuse(*entry, err))
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	return e.result(out, entry.Message), nil
}

// changed is the transaction of an entry, whose message say makes; nil if the entry
// has one and nobody else is told.
func (e *Engine) changed(entry *ledger.Entry, say func(*control.Plan) string) transaction {
	t := transaction{to: entry.To, actor: entry.Change.Actor, record: func() ledger.Effects { return e.ledger.Commit(*entry) }}
	if say != nil {
		t.say = func(p *control.Plan) string {
			entry.Message = say(p)
			return entry.Message
		}
	}
	return t
}

// result tells what a transaction did.
func (e *Engine) result(out outcome, message string) *control.Result {
	return &control.Result{ID: out.receipt, Generation: e.generation(), Made: out.Generation,
		Changes: out.Changes, Message: message, Warnings: e.shortfall(), Until: out.Until}
}

func orSomebody(actor string) string { return ledger.OrSomebody(actor) }
