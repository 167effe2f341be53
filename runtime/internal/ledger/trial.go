package ledger

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Trial is a change that is taken back unless it is confirmed. It is never
// changed, only replaced.
type Trial struct {
	control.Trial
	// Change that was asked for.
	Change control.Change

	before, after *config.Config
	overrides     Overrides         // as they were before
	from          map[string]Counts // when it began
	retry         time.Time         // not to be taken back before, after that has failed
}

// retryAfter is how long to wait before taking something back is tried again.
const retryAfter = 5 * time.Second

// Try is [Ledger.Commit] for a change that is taken back unless it is confirmed
// within the time that it says. from is what the listeners have counted so far. A
// change of nothing is not on trial.
func (l *Ledger) Try(e Entry, from map[string]Counts) Effects {
	before, v := l.View(), l.next()
	e.Trigger, e.onTrial = control.TriggerTrial, true
	out := l.commit(v, e)
	if len(out.Changes) == 0 {
		l.set(v)
		out.remove(TrialFile)
		return out
	}
	now := l.now().Round(0) // of the wall: a host that sleeps does not stop the clock of a trial
	t := &Trial{
		Change: e.Change, before: before.Running, after: e.To, overrides: before.Overrides, from: from,
		Trial: control.Trial{
			Until: now.Add(time.Duration(e.Change.Confirm)), Since: now,
			Actor: e.Change.Actor, Reason: e.Change.Reason, Changes: out.Changes,
			Generation: out.Generation, Before: before.Generation,
			Persist: e.Change.Persist, Guard: e.Change.Guard,
		},
	}
	v.Trial = t
	l.set(v)
	out.Until = &t.Until
	started := warn(message.TrialBegun, t.Until.Format(time.TimeOnly))
	started.Actor = t.Actor
	out.Events = append(out.Events, started)
	return out
}

// OnTrial is why nothing else can be changed now; nil if it can.
func (v *View) OnTrial() error {
	if v.Trial == nil {
		return nil
	}
	return control.Fail(control.CodeConflict, message.OnTrial, OrSomebody(v.Trial.Actor), v.Trial.Until.Format(time.TimeOnly))
}

var errNoTrial = control.Fail(control.CodeNotFound, message.NoTrial)

// Meant returns the trial that an action is about; an error unless it is under way.
func (v *View) Meant(a control.Action) (*Trial, error) {
	switch t := v.Trial; {
	case t == nil:
		return nil, errNoTrial
	case a.Base != 0 && a.Base != t.Generation:
		return nil, control.Fail(control.CodeConflict, message.AnotherTrial, a.Base, t.Generation, OrSomebody(t.Actor))
	default:
		return t, nil
	}
}

// Confirm keeps what is on trial. file is what the config file says from now on,
// if it was written for this; nil if not. A confirmation is not a generation, as
// nothing runs differently: the one that was on trial says who confirmed it.
func (l *Ledger) Confirm(a control.Action, file *config.Config) (told string, out Effects, err error) {
	v := l.next()
	t, err := v.Meant(a)
	if err != nil {
		return "", Effects{}, err
	}
	kept := message.New(message.TrialConfirmed, len(t.Changes))
	if file != nil {
		v.File = file
		v.note(control.Change{}, l.now())
		kept = message.New(message.TrialWritten, len(t.Changes))
	}
	v.Trial = nil
	l.keepOverrides(v, &out)
	out.remove(TrialFile)
	if i := v.history.find(t.Generation); i >= 0 {
		g := v.history.entries[i].unpack(true)
		g.Confirmed = &control.Confirmation{By: a.Actor, At: l.now(), Reason: a.Reason}
		v.history = v.history.replace(i, g)
		out.write(GenerationFile(g.Number), g)
	}
	l.set(v)
	out.Generation = v.Generation
	done := control.NewEvent(control.LevelInfo, kept, a.Reason)
	done.Actor = a.Actor
	out.Events = []control.Event{done}
	return kept.Text, out, nil
}

// Before is what taking back the trial under way leads to: how it was before it,
// with what the program itself changed meanwhile.
func (v *View) Before() *config.Config {
	to, _ := Merge(v.Trial.after, v.Running, v.Trial.before)
	return to
}

// TakeBack is [Ledger.Commit] for the way back from the trial under way.
func (l *Ledger) TakeBack(e Entry) Effects {
	v := l.next()
	e.Overrides, e.onTrial = v.Trial.overrides, true
	out := l.commit(v, e)
	v.Trial = nil
	l.set(v)
	l.keepOverrides(v, &out)
	out.remove(TrialFile)
	return out
}

// Postpone has what is due tried again later, because taking it back has failed.
func (l *Ledger) Postpone(why error) {
	v := l.next()
	if v.Trial == nil {
		v.Overrides = v.Overrides.postponed(l.now().Add(retryAfter).Round(0))
		v.Edits = v.Overrides.shown(overridden(v.File, v.Running))
		l.set(v)
		return
	}
	failed := *v.Trial
	failed.Error, failed.retry = why.Error(), l.now().Add(retryAfter)
	v.Trial = &failed
	l.set(v)
}
