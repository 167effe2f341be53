package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

const (
	// guardInterval is how often the guard of a trial looks.
	guardInterval = 250 * time.Millisecond
	// longestNap bounds how long the timekeeper sleeps: timers stop while a host
	// is suspended, and the wall does not.
	longestNap = time.Minute
)

// wakeTimekeeper has it look at what is due; it is started when there first is
// something to wait for. Callers hold mu, and changeMu so that no shutdown waits yet.
func (a *App) wakeTimekeeper() {
	if a.trial == nil && a.notes.firstExpiry().IsZero() {
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
func (a *App) keepTime(ctx context.Context) {
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
func (a *App) untilDue() time.Duration {
	a.mu.RLock()
	defer a.mu.RUnlock()
	at := a.notes.firstExpiry()
	if t := a.trial; t != nil {
		at = t.Until
		if t.retry.After(at) {
			at = t.retry
		}
		if t.Guard != nil && t.retry.IsZero() && time.Until(at) > guardInterval {
			return guardInterval
		}
	}
	if at.IsZero() {
		return longestNap
	}
	return min(max(time.Until(at), 0), longestNap)
}

// takeBackDue takes back what is due, if anything is. The end of a trial goes
// before all other changes.
func (a *App) takeBackDue(ctx context.Context) {
	v := a.view()
	onTrial := v.trial != nil
	if onTrial && a.endOf(v.trial).trigger == "" || !onTrial && len(v.notes.expired(time.Now())) == 0 {
		return
	}
	ctx, unlock, err := a.lock(ctx, turn{urgent: onTrial, to: backTo})
	if err != nil {
		a.postponeDue(err) // matters no more if the runtime was shut down
		return
	}
	defer unlock()
	if a.trial == nil {
		a.expire(ctx)
	} else if end := a.endOf(a.trial); end.trigger != "" {
		a.endTrial(ctx, end.trigger, end.why, control.Action{})
	}
}

// trialEnd is why a trial ends by itself.
type trialEnd struct{ trigger, why string }

// endOf returns nothing while the trial goes on.
func (a *App) endOf(t *trial) (end trialEnd) {
	now := time.Now()
	if now.Before(t.retry) {
		return end
	}
	if tripped := countedSince(t.from, a.guarded()).trips(t.Guard); tripped != "" {
		return trialEnd{control.TriggerGuard, "the guard ended the trial after " + tripped}
	}
	if !now.Before(t.Until) {
		return trialEnd{control.TriggerExpiry, "the trial was not confirmed in time"}
	}
	return end
}

// backTo is the config that what is due leads to.
func backTo(v view) *config.Config {
	if v.trial != nil {
		to, _ := merge(v.trial.after, v.config, v.trial.before)
		return to
	}
	to, err := v.config.With(inFile(v.file, v.notes.expired(time.Now())))
	if err != nil {
		return nil // told by expire
	}
	return to
}

// postponeDue has what is due tried again later.
func (a *App) postponeDue(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.trial == nil {
		a.notes = a.notes.postponed(time.Now().Add(retryAfter).Round(0))
		return
	}
	failed := *a.trial
	failed.Error, failed.retry = why.Error(), time.Now().Add(retryAfter)
	a.trial = &failed
}

// expire takes back the overrides whose time is up. One that cannot be is tried
// again later. Callers hold changeMu.
func (a *App) expire(ctx context.Context) {
	over := a.notes.expired(time.Now())
	if len(over) == 0 {
		return
	}
	to, err := a.config.With(inFile(a.file, over))
	if err == nil {
		p := a.planned(to)
		message := fmt.Sprintf("%s expired: %s", words.Count(len(over), "override"), p.Summary)
		_, err = a.enact(ctx, deed{to: to, trigger: control.TriggerExpiry, plan: p, message: message})
	}
	if err != nil {
		a.postponeDue(err)
	}
}
