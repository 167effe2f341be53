package runtime

import (
	"context"
	"fmt"
	"time"

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

// takeBackDue takes back what is due, if anything is.
func (a *App) takeBackDue(ctx context.Context) {
	unlock, err := a.lockChange(ctx)
	if err != nil {
		return // shut down
	}
	defer unlock()
	if a.trial == nil {
		a.expire(ctx)
		return
	}
	t, now := a.trial, time.Now()
	if now.Before(t.retry) {
		return
	}
	if tripped := countedSince(t.from, a.guarded()).trips(t.Guard); tripped != "" {
		a.endTrial(ctx, control.TriggerGuard, "the guard ended the trial after "+tripped, control.Action{})
		return
	}
	if !now.Before(t.Until) {
		a.endTrial(ctx, control.TriggerExpiry, "the trial was not confirmed in time", control.Action{})
	}
}

// expire takes back the overrides whose time is up. One that cannot be is tried
// again later. Callers hold changeMu.
func (a *App) expire(ctx context.Context) {
	over := a.notes.expired(time.Now())
	if len(over) == 0 {
		return
	}
	to, err := a.config.With(a.asInFile(over))
	if err == nil {
		message := fmt.Sprintf("%s expired: %s", plural(len(over), "override"), a.plan(to).Summary)
		_, err = a.enact(ctx, deed{to: to, trigger: control.TriggerExpiry, message: message})
	}
	if err != nil {
		a.mu.Lock()
		a.notes = a.notes.postponed(time.Now().Add(retryAfter).Round(0))
		a.mu.Unlock()
	}
}
