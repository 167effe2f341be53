package endpoints

import (
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// Listener is one listener of the config over its whole life: stopped and started
// again, moved to another address, it keeps its counters.
type Listener struct {
	name string
	set  *Set
	// crashes of workers so far.
	crashes atomic.Uint64

	mu         sync.Mutex
	config     config.Listener
	configured bool        // the config has it
	current    *Endpoint   // nil while stopped
	retiring   []*Endpoint // still draining
	// retiredTotals were counted by processes that are gone.
	retiredTotals listener.Totals
	highest       listener.Totals // seen yet, so that counters never shrink
	wasFull       bool            // all wanted workers were ready once
	trouble       string          // last crash, until all workers are ready again
	lacking       string          // why steering is not what was asked for
	failed        string          // why it could not be opened, until it is
}

// Name of the listener.
func (m *Listener) Name() string { return m.name }

// use makes e the endpoint that serves, and returns the one it replaces.
func (m *Listener) use(e *Endpoint) (replaced *Endpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	replaced = m.current
	m.current = e
	m.wasFull, m.trouble = false, ""
	if e != nil {
		m.failed = ""
	}
	return replaced
}

// retire drains an endpoint in the background. The channels are those of
// [Endpoint.end].
func (m *Listener) retire(e *Endpoint) (refused, done <-chan struct{}) {
	m.mu.Lock()
	if m.current == e {
		m.current = nil
	}
	refused, done = e.end()
	e.over = done
	m.retiring = append(m.retiring, e)
	m.mu.Unlock()
	go func() {
		<-done
		m.mu.Lock()
		m.retiring = without(m.retiring, e)
		m.mu.Unlock()
		m.set.events.Infof(m.name, "no longer on %s", e.sockets.Addr())
	}()
	return refused, done
}

// Endpoint that serves, nil while stopped.
func (m *Listener) Endpoint() *Endpoint {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// Addr is where it accepts, nil while stopped.
func (m *Listener) Addr() net.Addr {
	if e := m.Endpoint(); e != nil {
		return e.sockets.Addr()
	}
	return nil
}

// IsIdle reports whether nothing serves or drains.
func (m *Listener) IsIdle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current == nil && len(m.retiring) == 0
}

// isOver reports whether there will be nothing to show of it any more.
func (m *Listener) isOver() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.configured && m.current == nil && len(m.retiring) == 0
}

// configure notes what the config says of the listener; one that it does not have
// any more is disabled.
func (m *Listener) configure(c config.Listener, configured bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.configured = configured; configured {
		m.config = c
	} else {
		m.config.Enabled = false
	}
	if !m.config.Enabled {
		m.failed = ""
	}
}

// Config is what the config says of the listener, or last said.
func (m *Listener) Config() config.Listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config
}

// Fail marks a listener as one that could not be opened.
func (m *Listener) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = err.Error()
}

// Failure is why it could not be opened; empty if it could, or is not wanted.
func (m *Listener) Failure() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

// End retires whatever serves; the channels are closed as each drain ends.
func (m *Listener) End() (done []<-chan struct{}) {
	if e := m.Endpoint(); e != nil {
		m.retire(e)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.retiring { // also those that were stopped or moved before
		done = append(done, e.over)
	}
	return done
}

// Cut ends at once whatever still serves or drains.
func (m *Listener) Cut() {
	for _, e := range m.endpoints() {
		locals, groups := e.servers()
		for _, s := range locals {
			s.Close()
		}
		for _, g := range groups {
			g.Each(func(w prefork.Status, _ []byte) { kill(w.PID) })
		}
	}
}

func kill(pid int) {
	if pid <= 0 {
		return
	}
	if p, err := os.FindProcess(pid); err == nil {
		p.Kill() // it may have ended just now
		p.Release()
	}
}

// endpoints that have something to count.
func (m *Listener) endpoints() []*Endpoint {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := append([]*Endpoint{}, m.retiring...)
	if m.current != nil {
		out = append(out, m.current)
	}
	return out
}

// drainsOn reports whether the listener still drains on an address.
func (m *Listener) drainsOn(address string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.retiring {
		if e.Settings().Listener.Address == address {
			return true
		}
	}
	return false
}

// fold keeps the counters of a process that is gone; its connections are gone with it.
func (m *Listener) fold(b *scoreboard.Board) {
	t := b.Listener.Load()
	t.Active, t.Idle = 0, 0
	m.mu.Lock()
	m.retiredTotals = m.retiredTotals.Add(t)
	m.mu.Unlock()
}

// Totals of the listener, all processes together. A process is counted among
// the living or among the gone, and for a moment in between in neither: hence
// counters are held at the highest value seen.
func (m *Listener) Totals() listener.Totals {
	m.mu.Lock()
	sum := m.retiredTotals // first: whoever goes meanwhile is then missed, never counted twice
	m.mu.Unlock()
	for _, e := range m.endpoints() {
		e.Each(func(_ prefork.Status, b *scoreboard.Board) { sum = sum.Add(b.Listener.Load()) })
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.highest = sum.Max(m.highest)
	return m.highest
}

// publish tells each process that serves the listener what the others count.
func (m *Listener) publish() {
	t := m.Totals()
	for _, e := range m.endpoints() {
		e.Each(func(_ prefork.Status, b *scoreboard.Board) { b.SetOthers(t) })
	}
}

// Crashes of workers so far.
func (m *Listener) Crashes() uint64 { return m.crashes.Load() }

// onWorker turns what happens to a worker into an event.
func (m *Listener) onWorker(e prefork.Event) {
	event := control.Event{Level: control.LevelInfo, Listener: m.name, Message: e.Message}
	if e.ID >= 0 {
		event.Worker = &e.ID
	}
	if e.State == prefork.Crashed {
		m.crashes.Add(1)
	}
	switch {
	case e.Level >= slog.LevelError:
		event.Level = control.LevelError
		if last := words.LastLine(e.LastOutput); last != "" {
			event.Message += ": " + last
		}
		m.mu.Lock()
		m.trouble = event.Message
		m.mu.Unlock()
	case e.Level >= slog.LevelWarn:
		event.Level = control.LevelWarn
		m.mu.Lock()
		if e.State == prefork.Hung || e.State == prefork.Exited {
			m.trouble = event.Message
		}
		m.mu.Unlock()
	}
	m.set.events.Add(event)
}
