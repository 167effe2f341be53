package endpoints

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// orphan is a worker whose master died, and what it serves by.
type orphan struct {
	*prefork.Orphan
	settings serving.Settings
}

// orphans are some of them.
type orphans []orphan

// FindOrphans finds the workers that a master that died has left here, and returns
// what they serve by: what they count by and what their sessions are sealed with must
// hold on. They belong to nobody until a listener is opened.
func (s *Set) FindOrphans() (found []serving.Settings) {
	if s.orphanDir == "" {
		return nil
	}
	for _, o := range prefork.FindOrphans(s.orphanDir) {
		var by serving.Settings
		if err := json.Unmarshal(o.Settings(), &by); err != nil || by.Name != o.Name() {
			o.Drain(0)
			continue
		}
		found = append(found, by)
		s.mu.Lock()
		s.orphans = append(s.orphans, orphan{o, by})
		s.mu.Unlock()
	}
	return found
}

// takeOrphans returns those of f, which are nobody's any more.
func (s *Set) takeOrphans(f func(orphan) bool) (taken orphans) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orphans = slices.DeleteFunc(s.orphans, func(o orphan) bool {
		if f(o) {
			taken = append(taken, o)
			return true
		}
		return false
	})
	return taken
}

// DrainOrphans ends those that no listener has taken.
func (s *Set) DrainOrphans() {
	for _, o := range s.takeOrphans(func(orphan) bool { return true }) {
		s.drainOrphan(o)
	}
}

func (s *Set) drainOrphan(o orphan) {
	s.events.Warn("", message.OrphanDrains, o.Name(), o.settings.Listener.Address, o.PID())
	o.Drain(o.settings.DrainTimeout())
}

// adoptOrphans returns an endpoint on the sockets of orphans that serve this very
// listener; nil if there are none. Others that are in its way drain.
func (l *Listener) adoptOrphans(to serving.Settings) *Endpoint {
	mine := l.set.takeOrphans(func(o orphan) bool { return o.fits(l.name, to) })
	inTheWay := l.set.takeOrphans(func(o orphan) bool {
		return o.Name() == l.name || o.settings.Listener.Address == to.Listener.Address
	})
	var files []*os.File
	for _, o := range mine {
		files = append(files, o.Socket())
	}
	if len(mine) > 0 {
		s, err := sockets.AdoptOrphaned(files, to.Listener.Prefork.Steering)
		if err == nil {
			l.set.evict(inTheWay, "")
			e := l.newEndpoint(s)
			e.adoptees = mine
			l.set.events.Warn(l.name, message.OrphansAdopted, len(mine))
			return e
		}
		l.set.events.Error(l.name, message.OrphansDrain, err)
	}
	l.set.evict(append(inTheWay, mine...), to.Listener.Address)
	return nil
}

// fits reports whether an orphan can go on serving a listener.
func (o orphan) fits(name string, to serving.Settings) bool {
	was, will := o.settings.Listener, to.Listener
	return o.Name() == name && scoreboard.Readable(o.settings.BoardFormat, o.settings.Board) && was.Address == will.Address && will.Prefork.Workers > 0 &&
		was.Protocol != config.ProtocolQUIC && will.Protocol != config.ProtocolQUIC &&
		(was.Prefork.Steering == sockets.SteerShared) == (will.Prefork.Steering == sockets.SteerShared)
}

// evictTimeout is how long orphans may take to free an address.
const evictTimeout = 3 * time.Second

// evict lets orphans drain, and waits until they have freed the address.
func (s *Set) evict(some orphans, address string) {
	for _, o := range some {
		s.drainOrphan(o)
	}
	if len(some) == 0 || address == "" {
		return
	}
	for end := time.Now().Add(evictTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if sockets.Probe(context.Background(), address, false) == nil {
			return
		}
	}
}

// startAdopted serves by the workers that were found, and as many more as it takes.
func (e *Endpoint) startAdopted(ctx context.Context, s serving.Settings) error {
	found := make([]*prefork.Orphan, len(e.adoptees))
	for i, o := range e.adoptees {
		found[i] = o.Orphan
	}
	if err := e.share(); err != nil {
		return err
	}
	group, err := prefork.AdoptOrphans(e.groupConfig(s), found)
	if err != nil {
		return fmt.Errorf("listener %s: %w", e.name, err)
	}
	e.mu.Lock()
	e.settings, e.group = s, group
	e.mu.Unlock()
	e.retain()
	e.Each(func(_ prefork.Status, b *scoreboard.Board) { b.Drain.Receipt.Store(0) }) // of the master that died
	if err := group.Update(ctx, e.encode(s)); err != nil {
		return fmt.Errorf("listener %s: %w", e.name, err)
	}
	watchWorkers(group, s)
	if err := group.Resize(ctx, s.Listener.Prefork.Workers); err != nil {
		return fmt.Errorf("listener %s: %w", e.name, err)
	}
	return nil
}

// abandon gives up an endpoint that has not come to serve. Workers that it had
// adopted are left to another master, and are found again.
func (s *Set) abandon(e *Endpoint) {
	e.mu.Lock()
	group := e.group
	e.mu.Unlock()
	if group != nil {
		group.Abandon()
	}
	e.sockets.Close()
	for n, end := 0, time.Now().Add(time.Second); n < len(e.adoptees) && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		n += len(s.FindOrphans())
	}
}
