package endpoints

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// Set has every listener over its whole life: those that serve, that are
// stopped, and that were removed and still drain.
type Set struct {
	log       *slog.Logger
	events    *events.Journal
	cells     *scoreboard.Cells
	dedicated bool
	orphanDir string
	program   func(listener string) serving.Program
	given     func(listener string) (Sockets, error)

	receipts receipts
	// probing is how many plans bind an address just now.
	probing atomic.Int32

	// mu guards what follows. The locks of a listener and of its endpoints may be
	// taken while it is held, never the other way round; nothing is opened, drained
	// or waited for meanwhile.
	mu        sync.RWMutex
	closed    bool // nothing is added any more
	listeners map[string]*Listener
	orphans   orphans
}

// Config is what a set stands on. All of it is required but for OrphanDir.
type Config struct {
	Log    *slog.Logger
	Events *events.Journal
	// Cells keep what backends counted in processes that are gone.
	Cells *scoreboard.Cells
	// Dedicated says that serving is all this process does.
	Dedicated bool
	// OrphanDir is where workers wait for another master should this one die; empty
	// if they do not.
	OrphanDir string
	// Program gives what Go code has for a listener; nil if it is one of the config alone.
	Program func(listener string) serving.Program
	// Given gives the sockets that the program made itself for a listener; nil if it
	// made none, an error if they were taken before.
	Given func(listener string) (Sockets, error)
}

// New returns a set without listeners.
func New(c Config) *Set {
	return &Set{
		log: c.Log, events: c.Events, cells: c.Cells, dedicated: c.Dedicated, orphanDir: c.OrphanDir,
		program: c.Program, given: c.Given, listeners: map[string]*Listener{},
	}
}

// All listeners that were ever configured and still have something to show, by name.
func (s *Set) All() []*Listener {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*Listener
	for _, name := range slices.Sorted(maps.Keys(s.listeners)) {
		out = append(out, s.listeners[name])
	}
	return out
}

// Listener of that name, a new one if there was none: Commit makes it known to
// others.
func (s *Set) Listener(name string) *Listener {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.listener(name)
}

// listener needs mu.
func (s *Set) listener(name string) *Listener {
	if l := s.listeners[name]; l != nil {
		return l
	}
	return &Listener{name: name, set: s}
}

// Has reports whether there is a listener of that name.
func (s *Set) Has(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.listeners[name] != nil
}

// Failed are the listeners that could not be opened.
func (s *Set) Failed() []*Listener {
	return slices.DeleteFunc(s.All(), func(l *Listener) bool { return l.Failure() == "" })
}

// Served are the settings of all listeners that are served, by name.
func (s *Set) Served() map[string]serving.Settings {
	all := map[string]serving.Settings{}
	for _, l := range s.All() {
		if e := l.Endpoint(); e != nil {
			all[l.name] = e.Settings()
		}
	}
	return all
}

// Addresses of the listeners that are served, by name.
func (s *Set) Addresses() map[string]string {
	out := map[string]string{}
	for _, l := range s.All() {
		if at := l.Addr(); at != nil {
			out[l.name] = at.String()
		}
	}
	return out
}

// Each calls f for every process that serves or drains, see [Endpoint.Each].
func (s *Set) Each(f func(*Listener, prefork.Status, *scoreboard.Board)) {
	for _, l := range s.All() {
		for _, e := range l.endpoints() {
			e.Each(func(w prefork.Status, b *scoreboard.Board) { f(l, w, b) })
		}
	}
}

// Commit makes it known what a config says of all listeners; used are those that
// its change has prepared. It does nothing and says false once the set is closed.
func (s *Set) Commit(want map[string]config.Listener, used []*Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	for _, l := range used {
		s.listeners[l.name] = l
	}
	for name := range want {
		s.listeners[name] = s.listener(name) // also one that is not enabled
	}
	for name, l := range s.listeners {
		c, configured := want[name]
		l.configure(c, configured)
	}
	return true
}

// Maintain is called once a second: it corrects steering, and forgets what is over.
func (s *Set) Maintain() {
	for _, l := range s.All() {
		l.watchSteering()
	}
	s.Announce()
	s.forgetDrained()
	s.closeLost()
}

// forgetDrained drops listeners that are no longer configured, once they have drained.
func (s *Set) forgetDrained() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, l := range s.listeners {
		if l.isOver() {
			delete(s.listeners, name)
		}
	}
}

// publishInterval is how often workers are told what their siblings count. Where
// there are none, nobody is woken for it that often.
const (
	publishInterval     = 50 * time.Millisecond
	publishIdleInterval = 500 * time.Millisecond
)

// PublishCounts tells the workers of each listener what their siblings count, until
// the context ends.
func (s *Set) PublishCounts(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		interval := publishIdleInterval
		for _, l := range s.All() {
			if l.Config().Prefork.Workers > 0 {
				interval = publishInterval
			}
			l.publish()
		}
		next.Reset(interval)
	}
}

// Close keeps everybody from adding a listener or an endpoint from now on.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// IsClosed reports whether nothing is added any more.
func (s *Set) IsClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// End closes the set and begins to drain all that serves, on the receipt of that
// number. The channels are closed as each drain ends, also those that began before.
func (s *Set) End(receipt uint64) (done []<-chan struct{}) {
	s.Close()
	for _, l := range s.All() {
		if e := l.Endpoint(); e != nil {
			s.Mark(receipt, e, e.Serving(EveryWorker))
		}
		done = append(done, l.End()...)
	}
	s.MarkedAll(receipt)
	s.Announce()
	return done
}

// Cut ends at once whatever still serves or drains.
func (s *Set) Cut() {
	for _, l := range s.All() {
		l.Cut()
	}
}

// retired keeps what a process counted that serves no more.
func (s *Set) retired(l *Listener, b *scoreboard.Board) {
	l.fold(b)
	s.settle(l, b)
	s.cells.Fold(b)
}
