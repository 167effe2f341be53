package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// longestNap bounds how long the timekeeper sleeps: timers stop while a host is
// suspended, and the wall does not.
const longestNap = time.Minute

// wakeTimekeeper has it look at what is due; it is started when there first is
// something to wait for. Callers have the turn, so that no shutdown waits yet.
func (a *applier) wakeTimekeeper() {
	v := a.ledger.View()
	if _, next := v.Due(time.Now(), nil); next.IsZero() {
		return
	}
	a.timing.Do(func() { a.background(a.keepTime) })
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// keepTime takes back what is on trial and what expires when its time is up. It
// belongs to the runtime: whoever asked for it may be long gone.
func (a *applier) keepTime(ctx context.Context) {
	for {
		nap := time.NewTimer(a.untilDue())
		select {
		case <-ctx.Done():
			nap.Stop()
			return
		case <-a.wake:
			nap.Stop()
		case <-nap.C:
			a.takeBackDue(ctx)
		}
	}
}

// untilDue is how long there is nothing to do.
func (a *applier) untilDue() time.Duration {
	_, at := a.due(a.ledger.View())
	if at.IsZero() {
		return longestNap
	}
	return min(max(time.Until(at), 0), longestNap)
}

// due is what the clock has to do, and when to look again.
func (a *applier) due(v *ledger.View) (ledger.Due, time.Time) {
	var counts map[string]ledger.Counts
	if v.Trial != nil && v.Trial.Guard != nil {
		counts = a.counts()
	}
	return v.Due(time.Now(), counts)
}

// takeBackDue takes back what is due, if anything is. The end of a trial goes
// before all other changes.
func (a *applier) takeBackDue(ctx context.Context) {
	v := a.ledger.View()
	if act, _ := a.due(v); act.Trigger == "" {
		return
	}
	ctx, unlock, err := a.lock(ctx, turn{Turn: change.Turn{Clock: true, Urgent: v.Trial != nil}, to: a.backTo})
	if err != nil {
		a.postponeDue(err) // matters no more if the runtime was shut down
		return
	}
	defer unlock()
	v = a.ledger.View()
	switch act, _ := a.due(v); {
	case act.Trigger == "":
	case v.Trial != nil:
		a.endTrial(ctx, act.Trigger, act.Why, control.Action{}) // what fails is told by the trial
	default:
		a.expire(ctx, act)
	}
}

// backTo is the config that what is due leads to.
func (a *applier) backTo(v *ledger.View) *config.Config {
	act, _ := a.due(v)
	to, err := v.DueLeadsTo(act)
	if err != nil {
		return nil // told by expire
	}
	return to
}

// postponeDue has what is due tried again later.
func (a *applier) postponeDue(why error) { a.ledger.Postpone(why) }

// expire takes back the overrides whose time is up. One that cannot be is tried
// again later. Callers have the turn.
func (a *applier) expire(ctx context.Context, act ledger.Due) {
	e := &ledger.Entry{Trigger: act.Trigger, Began: time.Now()}
	var err error
	if e.To, err = a.ledger.View().DueLeadsTo(act); err == nil {
		_, err = a.change(ctx, a.changed(e, func(p *control.Plan) string {
			return fmt.Sprintf("%s expired: %s", words.Count(len(act.Expired), "override"), p.Summary)
		}), e)
	}
	if err != nil {
		a.postponeDue(err)
	}
}
