package change

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// longestNap bounds how long the timekeeper sleeps: timers stop while a host is
// suspended, and the wall does not.
const longestNap = time.Minute

// wakeTimekeeper has it look at what is due; it is started when there first is
// something to wait for. Callers have the turn, so that no shutdown waits yet.
func (e *Engine) wakeTimekeeper() {
	v := e.ledger.View()
	if _, next := v.Due(time.Now(), nil); next.IsZero() {
		return
	}
	e.timing.Do(func() { e.background(e.keepTime) })
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// keepTime takes back what is on trial and what expires when its time is up. It
// belongs to the runtime: whoever asked for it may be long gone.
func (e *Engine) keepTime(ctx context.Context) {
	for {
		nap := time.NewTimer(e.untilDue())
		select {
		case <-e.ending.Done():
			nap.Stop()
			return
		case <-e.wake:
			nap.Stop()
		case <-nap.C:
			e.takeBackDue(ctx)
		}
	}
}

// untilDue is how long there is nothing to do.
func (e *Engine) untilDue() time.Duration {
	_, at := e.due(e.ledger.View())
	if at.IsZero() {
		return longestNap
	}
	return min(max(time.Until(at), 0), longestNap)
}

// due is what the clock has to do, and when to look again.
func (e *Engine) due(v *ledger.View) (ledger.Due, time.Time) {
	var counts map[string]ledger.Counts
	if v.Trial != nil && v.Trial.Guard != nil {
		counts = e.counts()
	}
	return v.Due(time.Now(), counts)
}

// takeBackDue takes back what is due, if anything is. The end of a trial goes
// before all other changes.
func (e *Engine) takeBackDue(ctx context.Context) {
	v := e.ledger.View()
	if act, _ := e.due(v); act.Trigger == "" {
		return
	}
	turnCtx, unlock, why := e.lock(ctx, turn{Turn: Turn{Clock: true, Urgent: v.Trial != nil}, to: e.backTo})
	if why != nil { // what it needs from the disk cannot be had now
		var err error
		if turnCtx, unlock, err = e.lock(ctx, turn{Turn: Turn{Clock: true}}); err != nil {
			return // shut down
		}
	}
	defer unlock()
	v = e.ledger.View()
	switch act, _ := e.due(v); {
	case act.Trigger == "":
	case why != nil:
		e.postponeDue(why)
	case v.Trial != nil:
		e.endTrial(turnCtx, act.Trigger, act.Why, control.Action{}) // what fails is told by the trial
	default:
		e.expire(turnCtx, act)
	}
}

// backTo is the config that what is due leads to.
func (e *Engine) backTo(v *ledger.View) *config.Config {
	act, _ := e.due(v)
	to, err := v.DueLeadsTo(act)
	if err != nil {
		return nil // told by expire
	}
	return to
}

// postponeDue has what is due tried again later. Callers have the turn.
func (e *Engine) postponeDue(why error) { e.ledger.Postpone(why) }

// expire takes back the overrides whose time is up. One that cannot be is tried
// again later. Callers have the turn.
func (e *Engine) expire(ctx context.Context, act ledger.Due) {
	entry := &ledger.Entry{Trigger: act.Trigger, Began: time.Now()}
	var err error
	if entry.To, err = e.ledger.View().DueLeadsTo(act); err == nil {
		_, err = e.change(ctx, e.changed(entry, func(p *control.Plan) string {
			return fmt.Sprintf("%s expired: %s", words.Count(len(act.Expired), "override"), p.Summary)
		}), entry)
	}
	if err != nil {
		e.postponeDue(err)
	}
}
