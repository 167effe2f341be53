package runtime

import (
	"context"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

const (
	sampleInterval = time.Second
	// latencyWindow is how many samples back the latency percentiles reach.
	latencyWindow = 10
)

// sample looks at all counters once a second: it feeds the histories.
func (a *App) sample(ctx context.Context) {
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	for {
		for _, m := range a.sortedListeners() {
			m.sample()
			m.watchSteering()
		}
		a.watchBackends()
		a.watchProblems()
		a.announce()
		a.forgetDrained()
		a.closeLost()
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

// forgetDrained drops listeners that are no longer configured, once they have drained.
func (a *App) forgetDrained() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, m := range a.listeners {
		if _, configured := a.config.Listeners[name]; !configured && m.idle() {
			delete(a.listeners, name)
		}
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
		for _, m := range a.sortedListeners() {
			if m.configured().Prefork.Workers > 0 {
				interval = publishInterval
			}
			m.publish()
		}
		next.Reset(interval)
	}
}

// publish tells each process that serves the listener what the others count.
func (m *managed) publish() {
	t := m.totals()
	for _, e := range m.endpoints() {
		e.each(func(_ prefork.Status, b *scoreboard.Board) {
			b.SetOthers(t)
		})
	}
}

// sample adds a second to the listener's past.
func (m *managed) sample() {
	t := m.totals()
	m.mu.Lock()
	defer m.mu.Unlock()
	last := t
	if n := len(m.recent); n > 0 {
		last = m.recent[n-1]
	}
	m.history.push(control.Point{
		Requests:    uint32(t.Requests - last.Requests),
		Errors:      uint32(t.Errors() - last.Errors()),
		Connections: uint32(t.Active + t.Idle),
	}, time.Now())
	if len(m.recent) > latencyWindow {
		m.recent = append(m.recent[:0], m.recent[1:]...)
	}
	m.recent = append(m.recent, t)
}

// latency percentiles of the last ten seconds.
func (m *managed) latency(now listener.Totals) control.Latency {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.recent) == 0 {
		return control.Latency{}
	}
	window := now.Sub(m.recent[0])
	return control.Latency{
		P50: milliseconds(window.Percentile(50)),
		P99: milliseconds(window.Percentile(99)),
	}
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
