package runtime

import (
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// managed is one listener of the config over its whole life: stopped and started
// again, moved to another address, it keeps its counters.
type managed struct {
	name string
	set  *endpointSet
	// crashes of workers so far.
	crashes atomic.Uint64

	mu         sync.Mutex
	config     config.Listener
	configured bool        // the config has it
	current    *endpoint   // nil while stopped
	retiring   []*endpoint // still draining
	// retiredTotals were counted by processes that are gone.
	retiredTotals listener.Totals
	highest       listener.Totals // seen yet, so that counters never shrink
	wasFull       bool            // all wanted workers were ready once
	trouble       string          // last crash, until all workers are ready again
	lacking       string          // why steering is not what was asked for
	failed        string          // why it could not be opened, until it is
}

// Name of the listener.
func (m *managed) Name() string { return m.name }

// use makes e the endpoint that serves, and returns the one it replaces.
func (m *managed) use(e *endpoint) (replaced *endpoint) {
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
// [endpoint.end].
func (m *managed) retire(e *endpoint) (refused, done <-chan struct{}) {
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
		m.set.Events.Infof(m.name, "no longer on %s", e.sockets.Addr())
	}()
	return refused, done
}

// Endpoint that serves, nil while stopped.
func (m *managed) Endpoint() *endpoint {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// Addr is where it accepts, nil while stopped.
func (m *managed) Addr() net.Addr {
	if e := m.Endpoint(); e != nil {
		return e.sockets.Addr()
	}
	return nil
}

// IsIdle reports whether nothing serves or drains.
func (m *managed) IsIdle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current == nil && len(m.retiring) == 0
}

// isOver reports whether there will be nothing to show of it any more.
func (m *managed) isOver() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.configured && m.current == nil && len(m.retiring) == 0
}

// configure notes what the config says of the listener; one that it does not have
// any more is disabled.
func (m *managed) configure(c config.Listener, configured bool) {
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
func (m *managed) Config() config.Listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config
}

// Fail marks a listener as one that could not be opened.
func (m *managed) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = err.Error()
}

// Failure is why it could not be opened; empty if it could, or is not wanted.
func (m *managed) Failure() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

// End retires whatever serves; the channels are closed as each drain ends.
func (m *managed) End() (done []<-chan struct{}) {
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
func (m *managed) Cut() {
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
func (m *managed) endpoints() []*endpoint {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := append([]*endpoint{}, m.retiring...)
	if m.current != nil {
		out = append(out, m.current)
	}
	return out
}

// drainsOn reports whether the listener still drains on an address.
func (m *managed) drainsOn(address string) bool {
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
func (m *managed) fold(b *scoreboard.Board) {
	t := b.Listener.Load()
	t.Active, t.Idle = 0, 0
	m.mu.Lock()
	m.retiredTotals = m.retiredTotals.Add(t)
	m.mu.Unlock()
}

// Totals of the listener, all processes together. A process is counted among
// the living or among the gone, and for a moment in between in neither: hence
// counters are held at the highest value seen.
func (m *managed) Totals() listener.Totals {
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
func (m *managed) publish() {
	t := m.Totals()
	for _, e := range m.endpoints() {
		e.Each(func(_ prefork.Status, b *scoreboard.Board) { b.SetOthers(t) })
	}
}

// Crashes of workers so far.
func (m *managed) Crashes() uint64 { return m.crashes.Load() }

// onWorker turns what happens to a worker into an event.
func (m *managed) onWorker(e prefork.Event) {
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
		if last := lastLine(e.LastOutput); last != "" {
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
	m.set.Events.Add(event)
}

// lastLine is usually where a program says why it ended.
func lastLine(tail string) string {
	tail = strings.TrimSpace(tail)
	return tail[strings.LastIndexByte(tail, '\n')+1:]
}
