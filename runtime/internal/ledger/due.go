package ledger

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// guardInterval is how often the guard of a trial looks.
const guardInterval = 250 * time.Millisecond

// Due is what the clock has to do: to take back the trial under way, or overrides.
type Due struct {
	// Trigger is [control.TriggerGuard] or [control.TriggerExpiry]; empty if
	// nothing is due.
	Trigger string
	// Why the trial ends, one phrase.
	Why string
	// Expired are the overrides to take back, if no trial is under way.
	Expired config.Patch
}

// Due tells what the clock has to do now, and when to look again: zero if there
// is nothing to wait for. counts is what the listeners have counted, for the guard.
func (v *View) Due(now time.Time, counts map[string]Counts) (act Due, next time.Time) {
	if v.Trial != nil {
		return v.Trial.due(now, counts)
	}
	if act.Expired = v.Overrides.expired(now); len(act.Expired) > 0 {
		act.Trigger = control.TriggerExpiry
	}
	return act, v.Overrides.firstExpiry()
}

func (t *Trial) due(now time.Time, counts map[string]Counts) (act Due, next time.Time) {
	// A retry that is further away than it ever is means that the clock of the
	// wall has gone back.
	if now.Before(t.retry) && t.retry.Sub(now) <= retryAfter {
		return act, t.retry
	}
	if tripped := countedSince(t.from, counts).trips(t.Guard); tripped != "" {
		return Due{Trigger: control.TriggerGuard, Why: "the guard ended the trial after " + tripped}, now
	}
	if !now.Before(t.Until) {
		return Due{Trigger: control.TriggerExpiry, Why: "the trial was not confirmed in time"}, now
	}
	next = t.Until
	if look := now.Add(guardInterval); t.Guard != nil && look.Before(next) {
		next = look
	}
	return act, next
}

// DueLeadsTo is the config that what is due leads to.
func (v *View) DueLeadsTo(act Due) (*config.Config, error) {
	if v.Trial != nil {
		return v.Before(), nil
	}
	return v.Running.With(inFile(v.File, act.Expired))
}
