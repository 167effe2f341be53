package controltest

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// try applies a change on trial.
func (r *rig) try(key, value string, within time.Duration) *control.Result {
	r.Helper()
	c := r.set(key, value)
	c.Confirm = config.Duration(within)
	res := r.apply(c)
	if res.Until == nil || res.Made == 0 {
		r.Fatalf("the result of a change on trial is %+v, want an end and a generation", res)
	}
	return res
}

func (r *rig) act(a control.Action) *control.Result {
	r.Helper()
	a.Actor, a.Reason = "contract", "test"
	res, err := r.Controller.Act(r.ctx, a)
	if err != nil {
		r.Fatalf("Act(%s): %v", a.Kind, err)
	}
	return res
}

func (r *rig) history(q control.HistoryQuery) []control.Generation {
	r.Helper()
	all, err := r.Controller.History(r.ctx, q)
	if err != nil {
		r.Fatalf("History(%+v): %v", q, err)
	}
	return all
}

func (r *rig) wantIdle(want string) {
	r.Helper()
	if got := r.listener(r.snapshot()).Timeouts.Idle; got != want {
		r.Errorf("idle timeout is %s, want %s", got, want)
	}
}

// pass lets the time of the runtime pass.
func (r *rig) pass(d time.Duration) {
	if r.Pass != nil {
		r.Pass(d)
	}
}

func trialIsShownAndConfirmed(r *rig) {
	res := r.try("timeouts.idle", "51s", time.Hour)
	trial := r.snapshot().Config.Trial
	if trial == nil || !trial.Until.Equal(*res.Until) || trial.Actor == "" || trial.Reason != "test" ||
		trial.Generation != res.Generation || trial.Before >= trial.Generation {
		r.Fatalf("the snapshot has the trial %+v, want that of %+v", trial, res)
	}
	r.wantOneChange(trial.Changes, "timeouts.idle", "51s")
	r.wantIdle("51s")
	for _, kind := range []string{control.Confirm, control.Rollback} {
		_, err := r.Controller.Act(r.ctx, control.Action{Kind: kind, Base: res.Generation - 1})
		r.wantError(kind+" of another trial", err, control.ErrConflict)
	}
	if res := r.act(control.Action{Kind: control.Confirm, Base: res.Generation}); res.Message == "" {
		r.Error("the result of a confirm has no message")
	}
	if s := r.snapshot(); s.Config.Trial != nil {
		r.Errorf("after a confirm there is a trial still: %+v", s.Config.Trial)
	}
	r.wantIdle("51s")
	_, err := r.Controller.Act(r.ctx, control.Action{Kind: control.Confirm})
	r.wantError("a confirm without a trial", err, control.ErrNotFound)
}

func trialIsTakenBackOnDemand(r *rig) {
	before := r.listener(r.snapshot()).Timeouts.Idle
	r.try("timeouts.idle", "52s", time.Hour)
	if res := r.act(control.Action{Kind: control.Rollback}); len(res.Changes) != 1 || res.Changes[0].To != before {
		r.Errorf("the rollback changed %+v, want one value back to %s", res.Changes, before)
	}
	if s := r.snapshot(); s.Config.Trial != nil || len(s.Config.Edits) != 0 {
		r.Errorf("after a rollback there are the trial %+v and edits %+v, want none", s.Config.Trial, s.Config.Edits)
	}
	r.wantIdle(before)
	_, err := r.Controller.Act(r.ctx, control.Action{Kind: control.Rollback})
	r.wantError("a rollback without a trial", err, control.ErrNotFound)
}

func trialEndsByItself(r *rig) {
	before := r.listener(r.snapshot()).Timeouts.Idle
	r.try("timeouts.idle", "53s", time.Second)
	r.pass(time.Second)
	r.until("the trial is taken back", func(s *control.Snapshot) bool {
		return s.Config.Trial == nil && r.listener(s).Timeouts.Idle == before
	})
	if g := r.history(control.HistoryQuery{Limit: 1}); g[0].Trigger != control.TriggerExpiry {
		r.Errorf("the newest generation is %+v, want one of the trigger %s", g[0], control.TriggerExpiry)
	}
}

func nothingElseChangesDuringATrial(r *rig) {
	r.try("timeouts.idle", "54s", time.Hour)
	before := r.snapshot()
	_, err := r.Controller.Apply(r.ctx, r.set("timeouts.idle", "55s"))
	r.wantError("Apply during a trial", err, control.ErrConflict)
	_, err = r.Controller.Act(r.ctx, control.Action{Kind: control.Rollback, Generation: 1})
	r.wantError("going back to a generation during a trial", err, control.ErrConflict)
	_, err = r.Controller.Act(r.ctx, control.Action{Kind: control.Reload, Discard: true})
	r.wantError("a reload during a trial", err, control.ErrConflict)
	r.unchanged(before)
}

func wrongTimesAreRefused(r *rig) {
	before := r.snapshot()
	for _, alter := range []func(*control.Change){
		func(c *control.Change) { c.Confirm = -1 },
		func(c *control.Change) { c.Confirm = config.Duration(48 * time.Hour) },
		func(c *control.Change) { c.Expires = 1 },
		func(c *control.Change) { c.Expires, c.Persist = config.Duration(time.Minute), true },
		func(c *control.Change) { c.Guard = &control.Guard{Errors: 1} },
		func(c *control.Change) { c.Guard, c.Confirm = &control.Guard{}, config.Duration(time.Minute) },
		func(c *control.Change) {
			c.Guard, c.Confirm = &control.Guard{Crashes: -1}, config.Duration(time.Minute)
		},
	} {
		c := r.set("timeouts.idle", "56s")
		alter(&c)
		_, err := r.Controller.Apply(r.ctx, c)
		r.wantError("Apply of a change with wrong times", err, control.ErrInvalid)
	}
	r.unchanged(before)
}

func overridesTellWhoAndWhy(r *rig) {
	was := r.listener(r.snapshot()).Timeouts.Idle
	r.apply(r.set("timeouts.idle", "57s"))
	edits := r.snapshot().Config.Edits
	if len(edits) != 1 {
		r.Fatalf("edits are %+v, want one", edits)
	}
	e := edits[0]
	if e.Path != r.path("timeouts.idle") || e.File != was || e.Base != was || e.Value != "57s" ||
		e.Actor == "" || e.Reason != "test" || e.Since.IsZero() || e.Expires != nil {
		r.Errorf("the override is %+v, want %s from %s to 57s, by whom, why and since when", e, r.path("timeouts.idle"), was)
	}
	r.apply(control.Change{Patch: config.Patch{{Path: e.Path, Unset: true}}})
	if s := r.snapshot(); len(s.Config.Edits) != 0 || r.listener(s).Timeouts.Idle != was {
		r.Errorf("after an unset edits are %+v and the value is %s, want none and %s", s.Config.Edits, r.listener(s).Timeouts.Idle, was)
	}
}

func overridesExpire(r *rig) {
	was := r.listener(r.snapshot()).Timeouts.Idle
	r.apply(r.set("timeouts.read", "58s"))
	c := r.set("timeouts.idle", "59s")
	c.Expires = config.Duration(time.Second)
	r.apply(c)
	for _, e := range r.snapshot().Config.Edits {
		if (e.Expires != nil) != (e.Path == r.path("timeouts.idle")) {
			r.Errorf("override %s expires at %v; of both only the idle timeout is to", e.Path, e.Expires)
		}
	}
	r.pass(time.Second)
	r.until("the override has expired and the other has not", func(s *control.Snapshot) bool {
		return len(s.Config.Edits) == 1 && r.listener(s).Timeouts.Idle == was && r.listener(s).Timeouts.Read == "58s"
	})
}

func historyTellsWhatWasDone(r *rig) {
	first := r.history(control.HistoryQuery{})
	if len(first) == 0 || first[len(first)-1].Trigger != control.TriggerStart {
		r.Fatalf("the history begins with %+v, want the start", first)
	}
	res := r.apply(r.set("timeouts.idle", "60s"))
	all := r.history(control.HistoryQuery{Config: true})
	g := all[0]
	if len(all) != len(first)+1 || g.Number != res.Made || g.Number <= first[0].Number || g.Revision != res.Generation ||
		g.Actor == "" || g.Reason != "test" || g.Trigger != control.TriggerChange || g.Result != control.ResultApplied ||
		g.Message == "" || g.Time.IsZero() || !g.Running || g.Config == "" {
		r.Errorf("the newest of %d generations is %+v, want that of %+v", len(all), g, res)
	}
	r.wantOneChange(g.Changes, "timeouts.idle", "1m0s")
	if now := r.snapshot().Config.Generation; now != g.Number {
		r.Errorf("the snapshot has generation %d, want %d", now, g.Number)
	}
	if one := r.history(control.HistoryQuery{Number: first[0].Number}); len(one) != 1 || one[0].Number != first[0].Number || one[0].Config != "" || one[0].Running {
		r.Errorf("generation %d is %+v, want the one, without its text", first[0].Number, one)
	}
	if one := r.history(control.HistoryQuery{Limit: 1}); len(one) != 1 || one[0].Number != g.Number {
		r.Errorf("the newest one is %+v, want generation %d", one, g.Number)
	}
	_, err := r.Controller.History(r.ctx, control.HistoryQuery{Number: 1 << 40})
	r.wantError("a generation that is not there", err, control.ErrNotFound)
	_, err = r.Controller.History(r.ctx, control.HistoryQuery{Limit: -1})
	r.wantError("a negative limit", err, control.ErrInvalid)
}

func rollbackGoesToAGeneration(r *rig) {
	start := r.history(control.HistoryQuery{Limit: 1})[0].Number
	was := r.listener(r.snapshot()).Timeouts.Idle
	r.apply(r.set("timeouts.idle", "61s"))
	r.apply(r.set("timeouts.read", "62s"))
	_, err := r.Controller.Act(r.ctx, control.Action{Kind: control.Rollback, Generation: start, Base: r.snapshot().Generation - 1})
	r.wantError("going back on a stale revision", err, control.ErrConflict)
	if res := r.act(control.Action{Kind: control.Rollback, Generation: start, Base: r.snapshot().Generation}); len(res.Changes) != 2 {
		r.Errorf("the rollback changed %+v, want two values", res.Changes)
	}
	r.wantIdle(was)
	if s := r.snapshot(); len(s.Config.Edits) != 0 || s.Config.Generation <= start {
		r.Errorf("after the rollback edits are %+v in generation %d, want none in a new one", s.Config.Edits, s.Config.Generation)
	}
	if g := r.history(control.HistoryQuery{Limit: 1}); g[0].Trigger != control.TriggerRollback {
		r.Errorf("the newest generation is %+v, want a rollback", g[0])
	}
	_, err = r.Controller.Act(r.ctx, control.Action{Kind: control.Rollback, Generation: 1 << 40})
	r.wantError("going back to a generation that is not there", err, control.ErrNotFound)
}

func nothingIsHeld(r *rig) {
	before := r.snapshot()
	for _, kind := range []string{control.AcceptHeld, control.RejectHeld} {
		_, err := r.Controller.Act(r.ctx, control.Action{Kind: kind})
		r.wantError(kind+" with nothing held", err, control.ErrNotFound)
	}
	r.unchanged(before)
}
