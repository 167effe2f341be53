package prefork

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// Adopt returns a group with the workers of one that was frozen by the program
// that ran in this process before. Settings of cfg are those that its workers
// start with from now on; those that run keep what they have until the next
// Update. Of a frozen group that cannot be adopted the workers drain.
func Adopt(cfg Config, f *Frozen) (*Group, error) {
	if !freezable {
		return nil, fmt.Errorf("adopt the workers of %s: %w on this system", cfg.Name, errors.ErrUnsupported)
	}
	if _, err := Ours().Agree(f.Capabilities); err != nil {
		f.disown()
		return nil, fmt.Errorf("adopt the workers of %s: %w", cfg.Name, err)
	}
	g := NewGroup(cfg)
	if err := g.thawFrom(f); err != nil {
		f.disown()
		return nil, fmt.Errorf("adopt the workers of %s: %w", cfg.Name, err)
	}
	g.mu.Lock()
	for _, pl := range g.places {
		g.reschedule(pl)
	}
	g.startWatch()
	procs := append([]*process(nil), g.procs...)
	g.mu.Unlock()
	for _, p := range procs {
		g.resume(p)
	}
	g.steerOrNote()
	g.settle()
	return g, nil
}

// thawFrom makes the records of a group that does nothing yet.
func (g *Group) thawFrom(f *Frozen) error {
	g.generation, g.slots.freed = f.Generation, f.Freed
	if f.Drain > 0 {
		g.drain = f.Drain
	}
	for _, s := range f.Slots {
		g.slots.list = append(g.slots.list, slot{freed: s.Freed, until: s.Until, orphaned: s.Orphaned, opened: s.Opened})
	}
	for id, s := range f.Places {
		g.places = append(g.places, &place{id: id, nextStart: s.NextStart, failures: s.Failures, starts: s.Starts,
			lastExit: s.LastExit, lastOutput: s.LastOutput, crashes: s.Crashes})
	}
	for _, w := range f.Workers {
		p, err := g.adopted(w)
		if err != nil {
			return fmt.Errorf("worker %d (pid %d): %w", w.ID, w.PID, err)
		}
		g.procs = append(g.procs, p)
	}
	for id, s := range f.Places {
		switch {
		case s.Worker >= len(g.procs):
			return fmt.Errorf("place %d has worker %d of %d", id, s.Worker, len(g.procs))
		case s.Worker >= 0:
			g.places[id].current = g.procs[s.Worker]
		}
	}
	for _, n := range f.Pending {
		c, err := connOf(n)
		if err != nil {
			return err
		}
		g.pending = append(g.pending, c)
	}
	return nil
}

// adopted makes the record of a worker that runs.
func (g *Group) adopted(w FrozenWorker) (*process, error) {
	if w.Slot < 0 || w.Slot >= len(g.slots.list) {
		return nil, fmt.Errorf("slot %d of %d", w.Slot, len(g.slots.list))
	}
	agreed, err := Ours().Agree(w.Capabilities)
	if err != nil {
		return nil, err
	}
	pl := &place{id: w.ID}
	if w.ID < len(g.places) {
		pl = g.places[w.ID]
	}
	p := newProcess(pl)
	p.capabilities, p.agreed = w.Capabilities, agreed
	p.slot, p.state, p.started, p.readyAt, p.deadline = w.Slot, w.State, w.Started, w.ReadyAt, w.Deadline
	p.drainSent, p.cause, p.generation, p.restarts = w.DrainSent, w.Cause, w.Generation, w.Restarts
	if !p.readyAt.IsZero() {
		close(p.up)
	}
	g.slots.list[w.Slot].tenant = p
	g.watchLink(p)
	if err := p.take(w); err != nil {
		return nil, err
	}
	return p, g.callsOf(p, w)
}

// take makes p the owner of the worker's descriptors and process.
func (p *process) take(w FrozenWorker) error {
	found, err := os.FindProcess(w.PID)
	if err != nil {
		return err
	}
	p.proc = childProcess{found}
	if w.AdoptedProcess {
		p.proc = adoptedProcess{childProcess{found}}
	}
	if w.Memory >= 0 {
		p.shared = file(w.Memory, "memory")
		if p.memory, err = mapWhole(p.shared); err != nil {
			return err
		}
	}
	p.output = &output{file: file(w.Output, "output"), done: make(chan struct{}), tail: w.Tail}
	if w.Control >= 0 {
		f := file(w.Control, "control")
		defer f.Close()
		p.conn, err = controlConn(f)
	}
	return err
}

// callsOf takes over the calls that are open.
func (g *Group) callsOf(p *process, w FrozenWorker) error {
	p.calls.last = w.Asked
	p.calls.waiting = map[uint64]call{}
	for _, o := range w.Open {
		if o.Conn < 0 {
			p.calls.waiting[o.ID] = call{outgoing{frame: frame{Kind: kindSettings, Generation: o.Generation}},
				g.settled(p, o.Generation, func(err error) { g.started(p, err) })}
			continue
		}
		if len(o.About) > 0 {
			p.calls.waiting[o.ID] = g.transferOf(p, o)
			continue
		}
		c, err := connOf(o.Conn)
		if err != nil {
			return err
		}
		p.calls.waiting[o.ID] = call{outgoing{conn: c}, g.offered(c)}
	}
	return nil
}

// resume begins to look after an adopted worker.
func (g *Group) resume(p *process) {
	if p.conn == nil {
		p.link.close()
		close(p.heard)
		g.killAfter(p, killGrace, "its control socket is gone")
	} else {
		g.wg.Go(func() { p.link.run(p.conn) })
	}
	g.attend(p)
	g.mu.Lock()
	switch p.state {
	case Starting:
		g.expire(p, time.Until(p.started.Add(g.cfg.StartTimeout)), fmt.Sprintf("not ready within %s", g.cfg.StartTimeout))
	case Draining:
		g.overstays(p, max(0, time.Until(p.deadline)))
	}
	g.mu.Unlock()
	g.wg.Go(func() { g.await(p) })
}

// expire kills p after d if it is still in the state it has now. mu is held.
func (g *Group) expire(p *process, d time.Duration, cause string) {
	state := p.state
	p.timers = append(p.timers, time.AfterFunc(d, func() { g.killIf(p, state, cause) }))
}

// disown lets the workers go, who drain at the end of their control sockets.
func (f *Frozen) disown() {
	for _, w := range f.Workers {
		closeNumber(w.Control)
		if p, err := os.FindProcess(w.PID); err == nil {
			go p.Wait()
		}
	}
}

// file is a descriptor that was inherited by its number.
func file(n int, name string) *os.File {
	closeOnExec(n)
	return os.NewFile(uintptr(n), name)
}

// connOf is a client's connection that was inherited.
func connOf(n int) (net.Conn, error) {
	f := file(n, "connection")
	defer f.Close()
	return net.FileConn(f)
}
