package prefork

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"
)

// steer sends new connections to the ready workers. With none ready the last
// steering stays: what arrives waits in the queues for a worker to come.
//
// Connections may still arrive in a slot that is steered away from: handshakes
// begun before. Nobody might accept them for as long as the slot has no ready
// tenant, so the master does, and passes each to a worker.
func (g *Group) steer() error {
	g.steerMu.Lock()
	defer g.steerMu.Unlock()
	g.mu.Lock()
	var ready []int
	for _, p := range g.procs {
		if p.serves() {
			ready = append(ready, p.slot)
		}
	}
	untended := g.slots.untended()
	g.mu.Unlock()
	var err error
	if len(ready) > 0 {
		slices.Sort(ready)
		err = g.cfg.Sockets.Steer(ready)
	}
	if len(ready) == 0 || g.unqueued || g.cfg.Sockets.Steering() == "shared" {
		untended = nil
	}
	return errors.Join(err, g.tend(untended))
}

// tend has backup acceptors for these slots and no others. steerMu is held.
func (g *Group) tend(untended []int) error {
	var errs []error
	for slot, f := range g.backups {
		if !slices.Contains(untended, slot) {
			delete(g.backups, slot)
			f.stop()
		}
	}
	for _, slot := range untended {
		if g.backups[slot] != nil {
			continue
		}
		ln, err := g.cfg.Sockets.Listener(slot)
		if err != nil {
			errs = append(errs, fmt.Errorf("accept from slot %d: %w", slot, err))
			continue
		}
		f := &backup{ln: ln, quit: make(chan struct{}), done: make(chan struct{})}
		g.backups[slot] = f
		g.wg.Go(func() { f.run(g.pass) })
	}
	return errors.Join(errs...)
}

// backup accepts, in the master, from a slot without a ready worker.
type backup struct {
	ln   net.Listener
	quit chan struct{}
	done chan struct{}
}

// stop ends accepting and waits for it. The socket itself and its queue stay:
// ln is a duplicate.
func (f *backup) stop() {
	close(f.quit)
	f.ln.Close()
	<-f.done
}

func (f *backup) run(pass func(net.Conn, bool) bool) {
	defer close(f.done)
	for {
		c, err := f.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !f.pause(50*time.Millisecond) {
				return
			}
			continue
		}
		for !pass(c, false) {
			if !f.pause(5 * time.Millisecond) {
				pass(c, true)
				return
			}
		}
	}
}

// pause reports false if the backup acceptor should stop.
func (f *backup) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-f.quit:
		return false
	case <-t.C:
		return true
	}
}

// pass gives a connection to the next worker that can take it. If none can it
// reports false, or with keep holds it until a worker gets ready.
func (g *Group) pass(c net.Conn, keep bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turns++
	n := len(g.procs)
	for _, takes := range []func(*process) bool{
		func(p *process) bool { return p.serves() },
		func(p *process) bool { return p.state == Draining && !p.drainSent },
	} {
		for i := range n {
			p := g.procs[(g.turns+i)%n]
			if takes(p) && g.offer(p, c) {
				return true
			}
		}
	}
	switch {
	case g.stopped:
		c.Close()
	case keep:
		g.pending = append(g.pending, c)
	default:
		return false
	}
	return true
}

// offer sends a connection to p and keeps it open here until p says that it has
// it, which it does before it touches it. If p ends first, another gets it.
func (g *Group) offer(p *process, c net.Conn) bool {
	return p.ask(outgoing{frame: frame{Kind: kindConn}, conn: c}, g.offered(c)) == nil
}

// offered hears whether a worker has taken c.
func (g *Group) offered(c net.Conn) func(frame, error) {
	return func(_ frame, err error) {
		if err != nil && !errors.Is(err, errUnsendable) {
			g.pass(c, true)
			return
		}
		c.Close()
	}
}

// settle passes on the connections that were held for want of a worker.
func (g *Group) settle() {
	g.mu.Lock()
	held := g.pending
	g.pending = nil
	g.mu.Unlock()
	for _, c := range held {
		g.pass(c, true)
	}
}

// steerOrNote steers, and makes an event of a failure.
func (g *Group) steerOrNote() error {
	err := g.steer()
	if err != nil {
		g.mu.Lock()
		g.note(Event{Level: slog.LevelError, ID: -1, Message: fmt.Sprintf("steer connections of %s: %v", g.cfg.Name, err)})
		g.mu.Unlock()
	}
	return err
}
