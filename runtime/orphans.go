package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// orphan is a worker whose master died, and what it serves by.
type orphan struct {
	*prefork.Orphan
	settings settings
}

// orphans that were found and belong to nobody yet. It is used under changeMu,
// or before anybody knows of the App.
type orphans []orphan

// gather finds the workers that a master that died has left here. What they count
// by and what their sessions are sealed with must hold on.
func (a *App) gather() {
	if a.orphanDir == "" {
		return
	}
	for _, o := range prefork.FindOrphans(a.orphanDir) {
		var s settings
		if err := json.Unmarshal(o.Settings(), &s); err != nil || s.Name != o.Name() {
			o.Drain(0)
			continue
		}
		a.orphans = append(a.orphans, orphan{o, s})
		for backend, cell := range s.Cells {
			a.cells.Inherit(backend, cell)
		}
		if s.TLS != nil && len(s.TLS.Tickets) > 0 {
			a.keys.Inherit(s.Name, s.TLS.Tickets)
		}
	}
}

// scatter lets those go that no listener has taken.
func (a *App) scatter() {
	for _, o := range a.orphans {
		a.dismiss(o)
	}
	a.orphans = nil
}

func (a *App) dismiss(o orphan) {
	a.events.Warnf("", "worker of %s on %s (pid %d), whose master died, drains: there is no such listener here", o.Name(), o.settings.Listener.Address, o.PID())
	o.Drain(o.settings.DrainTimeout())
}

// orphaned returns an endpoint on the sockets of orphans that serve this very
// listener; nil if there are none. Others that are in its way drain.
func (a *App) orphaned(name string, to settings) *endpoint {
	var mine, rest, inTheWay orphans
	for _, o := range a.orphans {
		switch {
		case o.fits(name, to):
			mine = append(mine, o)
		case o.Name() == name || o.settings.Listener.Address == to.Listener.Address:
			inTheWay = append(inTheWay, o)
		default:
			rest = append(rest, o)
		}
	}
	a.orphans = rest
	var files []*os.File
	for _, o := range mine {
		files = append(files, o.Socket())
	}
	if len(mine) > 0 {
		s, err := sockets.AdoptOrphaned(files, to.Listener.Prefork.Steering)
		if err == nil {
			a.evict(inTheWay, "")
			e := &endpoint{name: name, sockets: s, log: a.log, adoptees: mine}
			s.Measure(e.tenants)
			a.events.Warnf(name, "%s of a master that died serve on here", words.Count(len(mine), "worker"))
			return e
		}
		a.events.Errorf(name, "the workers of a master that died drain: %v", err)
	}
	a.evict(append(inTheWay, mine...), to.Listener.Address)
	return nil
}

// fits reports whether an orphan can go on serving a listener.
func (o orphan) fits(name string, to settings) bool {
	was, will := o.settings.Listener, to.Listener
	return o.Name() == name && scoreboard.Readable(o.settings.BoardFormat, o.settings.Board) && was.Address == will.Address && will.Prefork.Workers > 0 &&
		was.Protocol != config.ProtocolQUIC && will.Protocol != config.ProtocolQUIC &&
		(was.Prefork.Steering == sockets.SteerShared) == (will.Prefork.Steering == sockets.SteerShared)
}

// evictPatience is how long orphans may take to free an address.
const evictPatience = 3 * time.Second

// evict lets orphans drain, and waits until they have freed the address.
func (a *App) evict(some orphans, address string) {
	for _, o := range some {
		a.dismiss(o)
	}
	if len(some) == 0 || address == "" {
		return
	}
	for end := time.Now().Add(evictPatience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if sockets.Probe(context.Background(), address, false) == nil {
			return
		}
	}
}

// startAdopted serves by the workers that were found, and as many more as it takes.
func (e *endpoint) startAdopted(ctx context.Context, s settings) error {
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
	e.each(func(_ prefork.Status, b *scoreboard.Board) { b.Drain.Receipt.Store(0) }) // of the master that died
	if err := group.Update(ctx, e.encode(s)); err != nil {
		return fmt.Errorf("listener %s: %w", e.name, err)
	}
	watchWorkers(group, s)
	if err := group.Resize(ctx, s.Listener.Prefork.Workers); err != nil {
		return fmt.Errorf("listener %s: %w", e.name, err)
	}
	return nil
}

// abandon leaves the workers to another master, when this one does not come to
// serve after all.
func (e *endpoint) abandon() {
	e.mu.Lock()
	group := e.group
	e.mu.Unlock()
	if group != nil {
		group.Abandon()
	}
	e.sockets.Close()
}

// leave gives an endpoint up that has not come to serve, and workers that it had
// adopted back.
func (a *App) leave(e *endpoint) {
	if len(e.adoptees) == 0 {
		e.sockets.Close()
		return
	}
	e.abandon()
	a.regather(len(a.orphans) + len(e.adoptees))
}

// regather finds the workers again that were abandoned.
func (a *App) regather(n int) {
	for end := time.Now().Add(time.Second); len(a.orphans) < n && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		a.gather()
	}
}
