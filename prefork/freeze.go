package prefork

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Freeze ends everything that the group does, without its workers noticing, and
// returns what a successor needs to go on, see [Adopt]. What arrives meanwhile
// waits: connections in the queues of their slots, words of workers in their
// control sockets, an ended worker for its status to be read. It fails, with the
// group as it was, if a worker does not read what it is sent.
//
// After Freeze the group is of no use, but to be thawed.
func (g *Group) Freeze(ctx context.Context) (*Frozen, error) {
	if !freezable {
		return nil, fmt.Errorf("freeze %s: %w on this system", g.cfg.Name, errors.ErrUnsupported)
	}
	end, err := g.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("freeze %s: %w", g.cfg.Name, err)
	}
	g.thawed.Lock() // an end under way is dealt with first
	g.pauseChanges()
	err = g.pauseIO()
	var f *Frozen
	if err == nil {
		g.mu.Lock()
		f, err = g.capture()
		g.mu.Unlock()
	}
	if err != nil {
		g.resumeAll()
		end()
		return nil, fmt.Errorf("freeze %s: %w", g.cfg.Name, err)
	}
	return f, nil
}

// Thaw goes on after Freeze, when there is no successor after all.
func (g *Group) Thaw(f *Frozen) {
	f.discard()
	g.resumeAll()
	<-g.changeLock
}

// Abandon leaves the workers without a master, as if this one had died. The group
// is of no use any more; some of its goroutines stay until the process ends.
func (g *Group) Abandon() {
	f, err := g.Freeze(context.Background())
	if err != nil {
		return // the end of this process will do the same
	}
	f.discard()
	for _, p := range g.processes() {
		if p.conn != nil {
			p.conn.Close()
		}
		p.output.file.Close()
	}
}

// pauseChanges stops what could change the state: starts that are due, and what workers
// say. Each may have begun something, which ends by itself.
func (g *Group) pauseChanges() {
	g.mu.Lock()
	g.frozen = true
	for _, pl := range g.places {
		pl.stopTimer()
	}
	g.mu.Unlock()
	for range 2 { // a task may have started one more process
		for _, p := range g.processes() {
			if p.listening != nil {
				p.link.receivePaused.Store(true)
				p.conn.SetReadDeadline(time.Now())
				<-p.listening
			}
		}
		g.tasks.Wait()
	}
}

// pauseIO ends the backup acceptors, writes what is queued and stops reading what workers
// print. The order matters: a backup acceptor may still pass a connection.
func (g *Group) pauseIO() error {
	g.steerMu.Lock()
	err := g.tend(nil)
	g.steerMu.Unlock()
	for _, p := range g.processes() {
		if !p.link.pause() {
			err = errors.Join(err, fmt.Errorf("worker %d (pid %d): %w", p.place.id, p.pid(), errNotReading))
		}
		p.output.pause()
	}
	return err
}

// resumeAll undoes pauseChanges and pauseIO.
func (g *Group) resumeAll() {
	g.mu.Lock()
	g.frozen = false
	for _, pl := range g.places {
		g.reschedule(pl)
	}
	g.startWatch()
	g.mu.Unlock()
	for _, p := range g.processes() {
		p.link.resume()
		if p.conn != nil {
			p.conn.SetReadDeadline(time.Time{})
		}
		p.output.resume()
		g.attend(p)
	}
	g.steerOrNote()
	g.settle()
	g.thawed.Unlock()
}

// reschedule has a worker started at a place without one when it is due. mu is held.
func (g *Group) reschedule(pl *place) {
	if pl.current == nil && pl.next == nil && pl.timer == nil {
		pl.timer = time.AfterFunc(time.Until(pl.nextStart), func() { g.respawn(pl) })
	}
}

func (g *Group) processes() []*process {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*process(nil), g.procs...)
}
