package runtime

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// managed is one listener of the config over its whole life: stopped and started
// again, moved to another address, it keeps its counters and its history.
type managed struct {
	name   string
	events *events.Journal
	// crashes of workers so far.
	crashes atomic.Uint64

	mu       sync.Mutex
	config   config.Listener
	current  *endpoint   // nil while stopped
	retiring []*endpoint // still draining
	goneBy   listener.Totals
	seen     listener.Totals // the highest yet, so that counters never shrink
	full     bool            // all wanted workers were ready once
	trouble  string          // last crash, until all workers are ready again
	lacking  string          // why steering is not what was asked for
	failed   string          // why it could not be opened, until it is
	history  history
	recent   []listener.Totals // of the last seconds, oldest first
}

// adopt makes e the endpoint that serves, and returns the one it replaces.
func (m *managed) adopt(e *endpoint) (replaced *endpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	replaced = m.current
	m.current = e
	m.full, m.trouble = false, ""
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
		m.events.Infof(m.name, "no longer on %s", e.sockets.Addr())
	}()
	return refused, done
}

// endpoint that serves, nil while stopped.
func (m *managed) endpoint() *endpoint {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// idle reports whether nothing serves or drains.
func (m *managed) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current == nil && len(m.retiring) == 0
}

// configure remembers what the config says of the listener.
func (m *managed) configure(c config.Listener) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.config = c; !c.Enabled {
		m.failed = ""
	}
}

// end retires whatever serves; the channels are closed as each drain ends.
func (m *managed) end() (done []<-chan struct{}) {
	m.mu.Lock()
	e := m.current
	m.mu.Unlock()
	if e != nil {
		m.retire(e)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.retiring { // also those that were stopped or moved before
		done = append(done, e.over)
	}
	return done
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

// fold keeps the counters of a process that is gone; its connections are gone with it.
func (m *managed) fold(b *scoreboard.Board) {
	t := b.Listener.Load()
	t.Active, t.Idle = 0, 0
	m.mu.Lock()
	m.goneBy = m.goneBy.Add(t)
	m.mu.Unlock()
}

// totals of the listener, all processes together. A process is counted among
// the living or among the gone, and for a moment in between in neither: hence
// counters are held at the highest value seen.
func (m *managed) totals() listener.Totals {
	m.mu.Lock()
	sum := m.goneBy // first: whoever goes meanwhile is then missed, never counted twice
	m.mu.Unlock()
	for _, e := range m.endpoints() {
		e.each(func(_ prefork.Status, b *scoreboard.Board) { sum = sum.Add(b.Listener.Load()) })
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = sum.Max(m.seen)
	return m.seen
}

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
	m.events.Add(event)
}

// lastLine is usually where a program says why it ended.
func lastLine(tail string) string {
	tail = strings.TrimSpace(tail)
	return tail[strings.LastIndexByte(tail, '\n')+1:]
}
