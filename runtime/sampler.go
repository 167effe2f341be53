package runtime

import (
	"context"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

const sampleInterval = time.Second

// sample looks at all counters once a second: it feeds the histories.
func (a *App) sample(ctx context.Context) {
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	for {
		now := time.Now()
		for _, m := range a.endpoints.All() {
			a.pasts.add(m.Name(), m.Totals(), now)
		}
		a.watchBackends()
		a.watchProblems()
		a.endpoints.Maintain()
		a.pasts.forget(a.endpoints.Has)
		a.usage.Forget()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watchBackends makes an event of each backend that goes down, comes back or fails
// in another way than before.
func (a *App) watchBackends() {
	for backend, c := range a.backendCounts() {
		was, now := a.backendStates[backend], c.state()
		a.backendStates[backend] = now
		switch {
		case now == control.BackendDown && was != now:
			a.events.Warnf("", "backend %s is down%s", backend, because(c.Last()))
		case now == control.BackendUp && was == control.BackendDown:
			a.events.Infof("", "backend %s is up again", backend)
		}
		a.tellFailure(backend, c.Last(), now == control.BackendDown)
	}
}

// publishInterval is how often workers are told what their siblings count. Where
// there are none, nobody is woken for it that often.
const (
	publishInterval     = 50 * time.Millisecond
	publishIdleInterval = 500 * time.Millisecond
)

// publish tells the workers of each listener what their siblings count.
func (a *App) publish(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		interval := publishIdleInterval
		if a.endpoints.Publish() {
			interval = publishInterval
		}
		next.Reset(interval)
	}
}
