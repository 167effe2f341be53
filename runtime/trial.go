package runtime

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
func (a *applier) try(ctx context.Context, t transaction, e *ledger.Entry) (*control.Result, error) {
	// Before anything changes, so that a crash finds the way back.
	way := a.ledger.WayBack(e.Change.Actor)
	if !a.state.write(way.Name, way.Content) && a.state.dir != nil {
		why := a.state.why()
		a.state.giveUp(way.Name)
		return nil, control.Fail(control.CodeRefused, message.TrialUnkept, why)
	}
	counts := a.counts()
	t.record = func() ledger.Effects { return a.ledger.Try(*e, counts) }
	e.Trigger = control.TriggerTrial
	result, err := a.change(ctx, t, e)
	if err != nil {
		a.state.remove(way.Name)
	}
	return result, err
}

// counts of all listeners, by name, for a guard.
func (a *applier) counts() map[string]ledger.Counts {
	all := map[string]ledger.Counts{}
	for _, m := range a.endpoints.All() {
		t := m.Totals()
		all[m.Name()] = ledger.Counts{Requests: t.Requests, Errors: t.Errors(), Refused: t.Refused, Crashes: m.Crashes()}
	}
	return all
}

// confirm keeps what is on trial.
func (a *applier) confirm(ctx context.Context, was fileText, action control.Action) (*control.Result, error) {
	t, err := a.ledger.View().Meant(action)
	if err != nil {
		return nil, err
	}
	var written *config.Config
	if t.Persist {
		if written, err = a.persistTrial(ctx, was, t); err != nil {
			return nil, err
		}
	}
	message, effects, err := a.ledger.Confirm(action, written)
	if err != nil {
		return nil, err
	}
	out := outcome{Effects: effects}
	out.unkept = a.carry(effects)
	result := a.result(out, message)
	if out.unkept[ledger.TrialFile] {
		result.Warnings = []string{"a restart rolls the change back: trial.json cannot be removed from the state directory: " + a.state.why()}
	}
	a.afterTrial(ctx)
	return result, nil
}

// persistTrial writes what was on trial to the file, and returns what the file
// then says. If that fails the trial goes on.
func (a *applier) persistTrial(ctx context.Context, was fileText, t *ledger.Trial) (*config.Config, error) {
	file, write, err := a.writeBack(ctx, was, t.Change.Patch)
	if err == nil {
		err = write()
	}
	if err != nil {
		e := control.AsError(err)
		goesOn := control.Fail(e.Code, message.TrialGoesOn, e.Text())
		goesOn.Details = e.Details
		return nil, goesOn
	}
	return file, nil
}

// endTrial takes back what is on trial, and nothing that the program itself
// changed meanwhile. Callers have the turn.
func (a *applier) endTrial(ctx context.Context, trigger, why string, action control.Action) (*control.Result, error) {
	e := &ledger.Entry{To: a.ledger.View().Before(), Trigger: trigger, Began: time.Now(),
		Change: control.Change{Actor: action.Actor, Reason: action.Reason}}
	t := a.changed(e, func(p *control.Plan) string { return fmt.Sprintf("%s: %s", why, p.Summary) })
	t.record = func() ledger.Effects { return a.ledger.TakeBack(*e) }
	result, err := a.change(ctx, t, e)
	if err != nil {
		a.postponeDue(err)
		return nil, err
	}
	a.afterTrial(ctx)
	return result, nil
}

// rollback takes back what is on trial, or goes back to a generation.
func (a *applier) rollback(ctx context.Context, action control.Action) (*control.Result, error) {
	if action.Generation == 0 {
		if _, err := a.ledger.View().Meant(action); err != nil {
			return nil, err
		}
		return a.endTrial(ctx, control.TriggerRollback, "rolled back", action)
	}
	if err := a.ledger.View().OnTrial(); err != nil {
		return nil, err
	}
	return a.goBack(ctx, action)
}

// goBack makes the config of a generation run again. Callers have the turn.
func (a *applier) goBack(ctx context.Context, action control.Action) (*control.Result, error) {
	to, err := a.wantBack(a.ledger.View(), action)
	if err != nil {
		return nil, err
	}
	e := &ledger.Entry{To: to, Trigger: control.TriggerRollback, Began: time.Now(),
		Change: control.Change{Actor: action.Actor, Reason: action.Reason}}
	return a.change(ctx, a.changed(e, func(p *control.Plan) string {
		return fmt.Sprintf("back to generation %d: %s", action.Generation, p.Summary)
	}), e)
}

// wantBack is the config of a generation that an action goes back to.
func (a *applier) wantBack(v *ledger.View, action control.Action) (*config.Config, error) {
	return v.WantBack(action, func(text string) (*config.Config, error) { return parseConfig(v.Path(), []byte(text)) })
}

// History lists what was put into effect or refused, newest first.
func (a *App) History(ctx context.Context, q control.HistoryQuery) ([]control.Generation, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return a.ledger.View().History(q)
}
