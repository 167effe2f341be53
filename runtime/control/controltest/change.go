package controltest

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// begin has the ledger know what has led to a state: its overrides, the trial under
// way, the file that is held. mu is held.
func (f *Fake) begin(s *control.Snapshot) {
	l := ledger.New(func() time.Time { return f.clock }, ledger.Rules{History: 50})
	running := configOf(s)
	file, before := running, running
	overrides := ledger.Overrides{}
	for _, o := range s.Config.Edits {
		file = with(file, config.Edit{Path: o.Path, Value: o.File, Unset: o.File == ""})
		overrides[o.Path] = ledger.OverrideMeta{Base: o.Base, Value: o.Value, Actor: o.Actor, Reason: o.Reason, Since: o.Since, Expires: o.Expires}
	}
	number := max(1, s.Generation, s.Config.Generation)
	trial, held := s.Config.Trial, s.Config.Held
	if trial != nil {
		number = max(1, number-1)
		for _, c := range trial.Changes {
			before = with(before, config.Edit{Path: c.Path, Value: c.From, Unset: c.From == ""})
			delete(overrides, c.Path)
		}
	}
	status := s.Config
	status.Overrides, status.Edits, status.Trial, status.Held = nil, nil, nil, nil
	if status.State == control.ConfigOverridden {
		status.State = control.ConfigInSync
	}
	l.Resume(ledger.Resumed{Running: before, File: file, Status: status, Generation: number, Overrides: overrides,
		Past: ledger.Past{Last: number, Running: number, Entries: []control.Generation{{
			Number: number, Revision: number, Time: s.StartedAt, Trigger: control.TriggerStart, Result: control.ResultApplied,
			Message: "started", Changes: []config.Change{}, Config: string(before.YAML())}}}})
	if trial != nil {
		f.clock = trial.Since
		l.Try(ledger.Entry{To: running, Message: "on trial", Change: control.Change{Actor: trial.Actor, Reason: trial.Reason,
			Patch: config.PatchOf(trial.Changes), Persist: trial.Persist, Guard: trial.Guard,
			Confirm: config.Duration(trial.Until.Sub(trial.Since))}}, counts(s))
	}
	if held != nil {
		f.clock = held.Since
		saved := file
		for _, e := range config.PatchOf(held.Changes) {
			saved = with(saved, e)
		}
		l.Hold(saved, *held)
	}
	f.ledger, f.clock = l, s.Time
}

// with is c with an edit, or as it is if it cannot be had.
func with(c *config.Config, e config.Edit) *config.Config {
	if to, err := c.With(config.Patch{e}); err == nil {
		return to
	}
	return c
}

// Plan tells what the change would do.
func (f *Fake) Plan(ctx context.Context, c control.Change) (*control.Plan, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	to, err := f.want(c)
	if err != nil {
		return nil, err
	}
	return planOf(f.now, f.ledger.View().Running, to), nil
}

// Apply records the change and carries it out at once; nothing has to drain.
func (f *Fake) Apply(ctx context.Context, c control.Change) (*control.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	f.changes = append(f.changes, c)
	if f.refused != nil {
		return nil, f.refused
	}
	v := f.ledger.View()
	if err := v.OnTrial(); err != nil {
		return nil, err
	}
	to, err := f.want(c)
	if err != nil {
		return nil, err
	}
	p := planOf(f.now, v.Running, to)
	e := ledger.Entry{To: to, Trigger: control.TriggerChange, Change: c, Message: p.Summary, Text: message.Message{Code: p.Code, Args: p.Args, Text: p.Summary}}
	if c.Persist && c.Confirm == 0 {
		if e.File, err = v.File.With(c.Patch); err != nil {
			return nil, control.Invalid(err)
		}
	}
	if c.Confirm == 0 {
		return f.commit(e, f.ledger.Commit), nil
	}
	return f.commit(e, func(e ledger.Entry) ledger.Effects { return f.ledger.Try(e, counts(f.now)) }), nil
}

func (f *Fake) want(c control.Change) (*config.Config, error) {
	return f.ledger.View().Want(c, func() (*config.Config, error) { return f.parse(c.Config) })
}

func (f *Fake) parse(text string) (*config.Config, error) {
	return config.Parse(f.now.Config.Path, []byte(text))
}

// commit makes an entry what runs, and shows it; mu is held.
func (f *Fake) commit(e ledger.Entry, commit func(ledger.Entry) ledger.Effects) *control.Result {
	before, to := f.ledger.View().Running, clone(f.now)
	effects := commit(e)
	show(to, before, e.To)
	result := &control.Result{Message: e.Message, Changes: effects.Changes, Made: effects.Generation, Until: effects.Until}
	if len(effects.Changes) > 0 {
		result.ID = receipt(f.now, to, e.Message, e.Change.Actor, control.EndedDrained)
	}
	f.settle(to, effects)
	result.Generation = f.now.Generation
	return result
}

// settle shows a state with what the ledger says of it; mu is held.
func (f *Fake) settle(to *control.Snapshot, effects ledger.Effects) {
	for _, e := range effects.Events {
		addEvent(to, e)
	}
	v := f.ledger.View()
	to.Config, to.Generation = v.Status(), v.Generation
	f.now = to
	f.notify()
}

// actOnConfig carries out the actions that change what runs or what is to run.
func (f *Fake) actOnConfig(a control.Action) (*control.Result, error) {
	switch a.Kind {
	case control.Confirm:
		return f.confirm(a)
	case control.Rollback:
		return f.rollback(a)
	case control.AcceptHeld:
		file, err := f.ledger.View().Held()
		if err != nil {
			return nil, err
		}
		f.ledger.Release()
		return f.reload(a, file, false), nil
	case control.RejectHeld:
		message, effects, err := f.ledger.Reject(a)
		if err != nil {
			return nil, err
		}
		f.settle(clone(f.now), effects)
		return &control.Result{Generation: f.now.Generation, Message: message}, nil
	}
	v := f.ledger.View()
	if err := v.OnTrial(); err != nil {
		return nil, err
	}
	return f.reload(a, v.File, a.Discard), nil
}

// reload has a file take effect.
func (f *Fake) reload(a control.Action, file *config.Config, discard bool) *control.Result {
	v := f.ledger.View()
	to, _ := v.FileLeadsTo(file, discard)
	message := "config file read again, nothing has changed"
	if len(config.Diff(v.Running, to)) > 0 {
		message = planOf(f.now, v.Running, to).Summary
	}
	return f.commit(ledger.Entry{To: to, File: file, Trigger: control.TriggerFile, Message: message,
		Change: control.Change{Actor: a.Actor, Reason: a.Reason}}, f.ledger.Commit)
}

// confirm keeps what is on trial.
func (f *Fake) confirm(a control.Action) (*control.Result, error) {
	v := f.ledger.View()
	t, err := v.Meant(a)
	if err != nil {
		return nil, err
	}
	var file *config.Config
	if t.Persist {
		if file, err = v.File.With(t.Change.Patch); err != nil {
			return nil, control.Invalid(err)
		}
	}
	message, effects, err := f.ledger.Confirm(a, file)
	if err != nil {
		return nil, err
	}
	f.settle(clone(f.now), effects)
	return &control.Result{Generation: f.now.Generation, Made: effects.Generation, Message: message}, nil
}

// rollback takes back the trial, or goes back to a generation.
func (f *Fake) rollback(a control.Action) (*control.Result, error) {
	v := f.ledger.View()
	e := ledger.Entry{Trigger: control.TriggerRollback, Change: control.Change{Actor: a.Actor, Reason: a.Reason}}
	if a.Generation == 0 {
		if _, err := v.Meant(a); err != nil {
			return nil, err
		}
		return f.takeBack(e, ""), nil
	}
	if err := v.OnTrial(); err != nil {
		return nil, err
	}
	var err error
	if e.To, err = v.WantBack(a, f.parse); err != nil {
		return nil, err
	}
	e.Message = fmt.Sprintf("back to generation %d, %s changed", a.Generation, words.Count(len(config.Diff(v.Running, e.To)), "value"))
	return f.commit(e, f.ledger.Commit), nil
}

// takeBack ends the trial under way; why is one phrase, if there is a reason.
func (f *Fake) takeBack(e ledger.Entry, why string) *control.Result {
	v := f.ledger.View()
	e.To = v.Before()
	e.Message = fmt.Sprintf("the trial is over, %s taken back", words.Count(len(config.Diff(v.Running, e.To)), "value"))
	if why != "" {
		e.Message = why + ": " + e.Message
	}
	return f.commit(e, f.ledger.TakeBack)
}

// timesUp takes back what has lasted long enough; mu is held.
func (f *Fake) timesUp() {
	v := f.ledger.View()
	act, _ := v.Due(f.clock, counts(f.now))
	if act.Trigger == "" {
		return
	}
	e := ledger.Entry{Trigger: act.Trigger}
	if v.Trial != nil {
		f.takeBack(e, act.Why)
		return
	}
	to, err := v.DueLeadsTo(act)
	if err != nil {
		panic("controltest: an override cannot be taken back: " + err.Error())
	}
	e.To, e.Message = to, words.Count(len(act.Expired), "override")+" expired"
	f.commit(e, f.ledger.Commit)
}

// History lists what Apply and Act did.
func (f *Fake) History(ctx context.Context, q control.HistoryQuery) ([]control.Generation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	return f.ledger.View().History(q)
}
