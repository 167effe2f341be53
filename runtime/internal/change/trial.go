package change

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// try puts a change on trial. Callers have the turn.
func (e *Engine) try(ctx context.Context, t transaction, entry *ledger.Entry) (*control.Result, error) {
	// Before anything changes, so that a crash finds the way back.
	way := e.ledger.WayBack(entry.Change.Actor)
	if !e.state.write(way.Name, way.Content) && e.state.dir != nil {
		why := e.state.why()
		e.state.giveUp(way.Name)
		return nil, control.Fail(control.CodeRefused, message.TrialUnkept, why)
	}
	counts := e.counts()
	t.record = func() ledger.Effects { return e.ledger.Try(*entry, counts) }
	entry.Trigger = control.TriggerTrial
	result, err := e.change(ctx, t, entry)
	if err != nil {
		e.state.remove(way.Name)
	}
	return result, err
}

// counts of all listeners, by name, for a guard.
func (e *Engine) counts() map[string]ledger.Counts {
	all := map[string]ledger.Counts{}
	for _, m := range e.endpoints.All() {
		t := m.Totals()
		all[m.Name()] = ledger.Counts{Requests: t.Requests, Errors: t.Errors(), Refused: t.Refused, Crashes: m.Crashes()}
	}
	return all
}

// confirm keeps what is on trial.
func (e *Engine) confirm(ctx context.Context, was fileText, action control.Action) (*control.Result, error) {
	t, err := e.ledger.View().Meant(action)
	if err != nil {
		return nil, err
	}
	var written *config.Config
	if t.Persist {
		if written, err = e.persistTrial(ctx, was, t); err != nil {
			return nil, err
		}
	}
	message, effects, err := e.ledger.Confirm(action, written)
	if err != nil {
		return nil, err
	}
	out := outcome{Effects: effects}
	out.unkept = e.carry(effects)
	result := e.result(out, message)
	if out.unkept[ledger.TrialFile] {
		result.Warnings = []string{"a restart rolls the change back: trial.json cannot be removed from the state directory: " + e.state.why()}
	}
	e.afterTrial(ctx)
	return result, nil
}

// persistTrial writes what was on trial to the file, and returns what the file
// then says. If that fails the trial goes on.
func (e *Engine) persistTrial(ctx context.Context, was fileText, t *ledger.Trial) (*config.Config, error) {
	file, write, err := e.writeBack(ctx, was, t.Change.Patch)
	if err == nil {
		err = write()
	}
	if err != nil {
		failure := control.AsError(err)
		goesOn := control.Fail(failure.Code, message.TrialGoesOn, failure.Text())
		goesOn.Details = failure.Details
		return nil, goesOn
	}
	return file, nil
}

// endTrial takes back what is on trial, and nothing that the program itself
// changed meanwhile. Callers have the turn.
func (e *Engine) endTrial(ctx context.Context, trigger, why string, action control.Action) (*control.Result, error) {
	entry := &ledger.Entry{To: e.ledger.View().Before(), Trigger: trigger, Began: time.Now(),
		Change: control.Change{Actor: action.Actor, Reason: action.Reason}}
	t := e.changed(entry, func(p *control.Plan) string { return fmt.Sprintf("%s: %s", why, p.Summary) })
	t.record = func() ledger.Effects { return e.ledger.TakeBack(*entry) }
	result, err := e.change(ctx, t, entry)
	if err != nil {
		e.postponeDue(err)
		return nil, err
	}
	e.afterTrial(ctx)
	return result, nil
}

// rollback takes back what is on trial, or goes back to a generation.
func (e *Engine) rollback(ctx context.Context, action control.Action) (*control.Result, error) {
	if action.Generation == 0 {
		if _, err := e.ledger.View().Meant(action); err != nil {
			return nil, err
		}
		return e.endTrial(ctx, control.TriggerRollback, "rolled back", action)
	}
	if err := e.ledger.View().OnTrial(); err != nil {
		return nil, err
	}
	return e.goBack(ctx, action)
}

// goBack makes the config of a generation run again. Callers have the turn.
func (e *Engine) goBack(ctx context.Context, action control.Action) (*control.Result, error) {
	to, err := e.wantBack(e.ledger.View(), action)
	if err != nil {
		return nil, err
	}
	entry := &ledger.Entry{To: to, Trigger: control.TriggerRollback, Began: time.Now(),
		Change: control.Change{Actor: action.Actor, Reason: action.Reason}}
	return e.change(ctx, e.changed(entry, func(p *control.Plan) string {
		return fmt.Sprintf("back to generation %d: %s", action.Generation, p.Summary)
	}), entry)
}

// wantBack is the config of a generation that an action goes back to.
func (e *Engine) wantBack(v *ledger.View, action control.Action) (*config.Config, error) {
	return v.WantBack(action, func(text string) (*config.Config, error) { return parseConfig(v.Path(), []byte(text)) })
}
