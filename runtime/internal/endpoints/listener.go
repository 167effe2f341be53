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
	"github.com/echterhof/rockstar-tui/runtime/control/message"
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
func (l *Listener) Name() string { return l.name }

// use makes e the endpoint that serves, and returns the one it replaces.
func (l *Listener) use(e *Endpoint) (replaced *Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	replaced = l.current
	l.current = e
	l.wasFull, l.trouble = false, ""
	if e != nil {
		l.failed = ""
	}
	return replaced
}

// retire drains an endpoint in the background, unless it drains already. The channels
// are those of [Endpoint.end].
func (l *Listener) retire(e *Endpoint) (refused, done <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == e {
		l.current = nil
	}
	if l.end(e) {
		l.retiring = append(l.retiring, e)
		go l.awaitRetired(e, e.over)
	}
	return e.refused, e.over
}

// end ends an endpoint that is not the current one any more, and reports whether
// nobody has before. It needs mu.
func (l *Listener) end(e *Endpoint) (first bool) {
	if e.over != nil {
		return false
	}
	e.refused, e.over = e.end(l.current != nil)
	return true
}

func (l *Listener) awaitRetired(e *Endpoint, over <-chan struct{}) {
	<-over
	l.mu.Lock()
	l.retiring = without(l.retiring, e)
	l.mu.Unlock()
	l.set.events.Info(l.name, message.ListenerLeft, e.sockets.Addr())
}

// Endpoint that serves, nil while stopped.
func (l *Listener) Endpoint() *Endpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// Addr is where it accepts, nil while stopped.
func (l *Listener) Addr() net.Addr {
	if e := l.Endpoint(); e != nil {
		return e.sockets.Addr()
	}
	return nil
}

// IsIdle reports whether nothing serves or drains.
func (l *Listener) IsIdle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current == nil && len(l.retiring) == 0
}

// isOver reports whether there will be nothing to show of it any more.
func (l *Listener) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.configured && l.current == nil && len(l.retiring) == 0
}

// configure notes what the config says of the listener; one that it does not have
// any more is disabled.
func (l *Listener) configure(c config.Listener, configured bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.configured = configured; configured {
		l.config = c
	} else {
		l.config.Enabled = false
	}
	if !l.config.Enabled {
		l.failed = ""
	}
}

// Config is what the config says of the listener, or last said.
func (l *Listener) Config() config.Listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.config
}

// Fail marks a listener as one that could not be opened.
func (l *Listener) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = err.Error()
}

// Failure is why it could not be opened; empty if it could, or is not wanted.
func (l *Listener) Failure() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// End retires whatever serves; the channels are closed as each drain ends.
func (l *Listener) End() (done []<-chan struct{}) {
	if e := l.Endpoint(); e != nil {
		l.retire(e)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.retiring { // also those that were stopped or moved before
		done = append(done, e.over)
	}
	return done
}

// Cut ends at once whatever still serves or drains.
func (l *Listener) Cut() {
	for _, e := range l.endpoints() {
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
func (l *Listener) endpoints() []*Endpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := append([]*Endpoint{}, l.retiring...)
	if l.current != nil {
		out = append(out, l.current)
	}
	return out
}

// drainsOn reports whether the listener still drains on an address.
func (l *Listener) drainsOn(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.retiring {
		if e.Settings().Listener.Address == address {
			return true
		}
	}
	return false
}

// fold keeps the counters of a process that is gone; its connections are gone with it.
func (l *Listener) fold(b *scoreboard.Board) {
	t := b.Listener.Load()
	t.Active, t.Idle = 0, 0
	l.mu.Lock()
	l.retiredTotals = l.retiredTotals.Add(t)
	l.mu.Unlock()
}

// Totals of the listener, all processes together. What a process counted is on its
// scoreboard, then in the retired totals, and for a moment in between in neither:
// hence counters are held at the highest value seen.
func (l *Listener) Totals() listener.Totals {
	l.mu.Lock()
	sum := l.retiredTotals // first: a process that ends meanwhile is then missed, never counted twice
	l.mu.Unlock()
	for _, e := range l.endpoints() {
		e.Each(func(_ prefork.Status, b *scoreboard.Board) { sum = sum.Add(b.Listener.Load()) })
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.highest = sum.Max(l.highest)
	return l.highest
}

// publish tells each process that serves the listener what the others count.
func (l *Listener) publish() {
	t := l.Totals()
	for _, e := range l.endpoints() {
		e.Each(func(_ prefork.Status, b *scoreboard.Board) { b.SetOthers(t) })
	}
}

// Crashes of workers so far.
func (l *Listener) Crashes() uint64 { return l.crashes.Load() }

// onWorker turns what happens to a worker into an event.
func (l *Listener) onWorker(e prefork.Event) {
	event := control.Event{Level: control.LevelInfo, Listener: l.name, Message: e.Message}
	if e.ID >= 0 {
		event.Worker = &e.ID
	}
	if e.State == prefork.Crashed {
		l.crashes.Add(1)
	}
	switch {
	case e.Level >= slog.LevelError:
		event.Level = control.LevelError
		if last := words.LastLine(e.LastOutput); last != "" {
			event.Message += ": " + last
		}
		l.mu.Lock()
		l.trouble = event.Message
		l.mu.Unlock()
	case e.Level >= slog.LevelWarn:
		event.Level = control.LevelWarn
		l.mu.Lock()
		if e.State == prefork.Hung || e.State == prefork.Exited {
			l.trouble = event.Message
		}
		l.mu.Unlock()
	}
	l.set.events.Add(event)
}
