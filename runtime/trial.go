package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
)

// trial is a change that is taken back unless it is confirmed.
type trial struct {
	control.Trial
	before, after *config.Config
	notes         notes              // as they were before
	change        control.Change     // that was asked for
	from          map[string]guarded // counts when it began
	retry         time.Time          // not to be taken back before, after that has failed
}

// retryAfter is how long to wait before taking something back is tried again.
const retryAfter = 5 * time.Second

// try puts a deed on trial. Callers hold changeMu.
func (a *App) try(ctx context.Context, d deed) (*control.Result, error) {
	now := time.Now().Round(0) // of the wall: a host that sleeps does not stop the clock of a trial
	t := &trial{before: a.config, after: d.to, notes: a.notes, change: d.change, from: a.guarded()}
	t.Trial = control.Trial{
		Until: now.Add(time.Duration(d.change.Confirm)), Since: now,
		Actor: d.change.Actor, Reason: d.change.Reason, Before: a.currentRevision(),
		Persist: d.change.Persist, Guard: d.change.Guard,
	}
	back := a.standing()
	back.Actor, back.Since = t.Actor, t.Since
	// Before anything changes, so that a crash finds the way back.
	if !a.state.write(trialFile, back) && a.state.dir != nil {
		why := a.state.why()
		a.state.giveUp(trialFile)
		return nil, &control.Error{Code: control.CodeRefused, Message: fmt.Sprintf(
			"the trial is refused, nothing has changed: how to take it back cannot be kept in the state directory: %s", why)}
	}
	a.trying = true
	defer func() { a.trying = false }()
	d.trigger = control.TriggerTrial
	result, err := a.enact(ctx, d)
	if err != nil || len(result.Changes) == 0 {
		a.state.remove(trialFile)
		return result, err
	}
	t.Changes, t.Revision = result.Changes, result.Revision
	a.setTrial(t)
	result.Until = &t.Until
	a.events.Add(control.Event{Level: control.LevelWarn, Actor: t.Actor,
		Message: fmt.Sprintf("on trial: taken back at %s unless it is confirmed", t.Until.Format(time.TimeOnly))})
	return result, nil
}

func (a *App) setTrial(t *trial) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trial = t
	a.wakeTimekeeper()
}

// onTrial is why nothing else can be changed now; nil if it can.
func (a *App) onTrial() error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.trial == nil {
		return nil
	}
	return &control.Error{Code: control.CodeConflict, Message: fmt.Sprintf(
		"a change by %s is on trial until %s: confirm it or roll it back first",
		orSomebody(a.trial.Actor), a.trial.Until.Format(time.TimeOnly))}
}

func orSomebody(actor string) string {
	if actor == "" {
		return "somebody"
	}
	return actor
}

var errNoTrial = &control.Error{Code: control.CodeNotFound, Message: "there is no trial under way: it was confirmed, taken back, or never begun"}

// meant reports an error unless there is a trial, and the one that an action is
// meant for.
func (t *trial) meant(action control.Action) error {
	switch {
	case t == nil:
		return errNoTrial
	case action.Base != 0 && action.Base != t.Revision:
		return &control.Error{Code: control.CodeConflict, Message: fmt.Sprintf(
			"revision %d is not on trial any more: now it is revision %d by %s; look again", action.Base, t.Revision, orSomebody(t.Actor))}
	}
	return nil
}

// confirm keeps what is on trial.
func (a *App) confirm(ctx context.Context, was fileText, action control.Action) (*control.Result, error) {
	t := a.trial
	if err := t.meant(action); err != nil {
		return nil, err
	}
	message := fmt.Sprintf("confirmed, %s kept", words.Count(len(t.Changes), "value"))
	if t.Persist {
		if err := a.persistTrial(ctx, was, t); err != nil {
			return nil, err
		}
		message += " and written to the file"
	}
	result := &control.Result{Revision: a.currentRevision(), Message: message, Warnings: a.forgetTrial()}
	result.Generation = a.remember(control.Generation{
		Revision: result.Revision, Time: time.Now(), Actor: action.Actor, Reason: action.Reason,
		Trigger: control.TriggerConfirm, Result: control.ResultApplied, Message: message,
	}, a.config)
	a.events.Add(control.Event{Level: control.LevelInfo, Actor: action.Actor, Message: events.WithReason(message, action.Reason)})
	a.afterTrial(ctx)
	return result, nil
}

// forgetTrial makes what runs what stands. The journal goes last: until then a
// crash leads back to before the trial, which is a warning if it cannot be removed.
func (a *App) forgetTrial() (warnings []string) {
	a.setTrial(nil)
	a.keepStanding()
	if !a.state.remove(trialFile) {
		return []string{"a restart takes the change back: the journal of the trial cannot be removed from the state directory: " + a.state.why()}
	}
	return a.shortfall()
}

// persistTrial writes what was on trial to the file. If that fails the trial
// goes on.
func (a *App) persistTrial(ctx context.Context, was fileText, t *trial) error {
	write, err := a.writeBack(ctx, was, t.change.Patch)
	if err == nil {
		err = write()
	}
	if err != nil {
		e := control.AsError(err)
		return &control.Error{Code: e.Code, Message: e.Message + "; the trial goes on", Details: e.Details}
	}
	a.note(control.Change{})
	return nil
}

// endTrial takes back what is on trial, and nothing that the program itself
// changed meanwhile. Callers hold changeMu.
func (a *App) endTrial(ctx context.Context, trigger, why string, action control.Action) (*control.Result, error) {
	t := a.trial
	to, _ := merge(t.after, a.config, t.before)
	p := a.planned(to)
	result, err := a.enact(ctx, deed{
		to: to, trigger: trigger, plan: p, message: fmt.Sprintf("%s: %s", why, p.Summary),
		change: control.Change{Actor: action.Actor, Reason: action.Reason},
	})
	if err != nil {
		a.postponeDue(err)
		return nil, err
	}
	a.mu.Lock()
	a.notes = t.notes
	a.mu.Unlock()
	a.note(control.Change{})
	a.forgetTrial()
	a.afterTrial(ctx)
	return result, nil
}

// rollback takes back what is on trial, or goes back to a generation.
func (a *App) rollback(ctx context.Context, action control.Action) (*control.Result, error) {
	if action.Generation == 0 {
		if err := a.trial.meant(action); err != nil {
			return nil, err
		}
		return a.endTrial(ctx, control.TriggerRollback, "taken back", action)
	}
	if err := a.onTrial(); err != nil {
		return nil, err
	}
	return a.goBack(ctx, action)
}
