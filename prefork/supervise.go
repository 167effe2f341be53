package prefork

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"time"
)

// killGrace is how long after its drain deadline a worker may live, and after
// any other sign that it should have ended.
const killGrace = 2 * time.Second

var (
	errGone       = errors.New("it has ended")
	errNotReading = errors.New("it does not read its control socket")
)

// reserve makes the record of a new process and gives it a slot. mu is held.
func (g *Group) reserve(pl *place) (*process, error) {
	if g.stopped {
		return nil, ErrStopped
	}
	p := newProcess(pl)
	slot, err := g.slots.take(p)
	if err != nil {
		return nil, err
	}
	p.slot, p.restarts = slot, pl.starts
	pl.starts++
	g.watchLink(p)
	g.procs = append(g.procs, p)
	g.startWatch()
	if err := g.sendSettings(p, func(err error) { g.started(p, err) }); err != nil {
		panic("prefork: a new link refuses its first frame") // its queue is empty
	}
	return p, nil
}

// watchLink ends a worker that does not read what it is sent.
func (g *Group) watchLink(p *process) {
	p.link.broken = func(err error) {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			g.kill(p, errNotReading.Error())
		}
	}
}

// sendSettings queues the present settings; acked gets what came of it, unless
// an error is returned. mu is held.
func (g *Group) sendSettings(p *process, acked func(error)) error {
	generation := g.generation
	o := outgoing{frame: frame{Kind: kindSettings, Generation: generation, Timeout: g.drain, Orphan: g.orphan, OrphanDir: g.cfg.OrphanDir, Body: g.settings}}
	return p.ask(o, g.settled(p, generation, acked))
}

// settled hears whether p has taken the settings of a generation.
func (g *Group) settled(p *process, generation uint64, acked func(error)) func(frame, error) {
	return func(reply frame, err error) {
		if err = replyError(reply, err); err == nil {
			g.mu.Lock()
			p.generation = generation
			g.mu.Unlock()
		}
		acked(err)
	}
}

// start brings a reserved process to life. When it fails, the process is gone.
func (g *Group) start(p *process) error {
	g.mu.Lock()
	share := len(g.places)
	g.mu.Unlock()
	l, err := g.launch(p, share)
	if err != nil {
		close(p.heard)
		g.wg.Go(func() { p.link.run(nil) })
		g.ended(p, Crashed, err.Error())
		return p.failure()
	}
	g.memMu.Lock()
	g.mu.Lock()
	p.proc, p.memory, p.shared, p.output = childProcess{l.cmd.Process}, l.memory, l.shared, l.output
	g.slots.list[p.slot].opened = true
	if p.killed {
		p.proc.kill()
	}
	late := fmt.Sprintf("not ready within %s", g.cfg.StartTimeout)
	p.timers = append(p.timers, time.AfterFunc(g.cfg.StartTimeout, func() { g.killIf(p, Starting, late) }))
	p.conn = l.conn
	g.mu.Unlock()
	g.memMu.Unlock()
	g.attend(p)
	g.wg.Go(func() { p.link.run(p.conn) })
	g.wg.Go(func() { g.await(p) })
	return nil
}

// attend hears what a process says and prints.
func (g *Group) attend(p *process) {
	log := g.cfg.Log.With("listener", g.cfg.Name, "worker", p.place.id, "pid", p.pid())
	g.wg.Go(func() { p.output.follow(log) })
	select {
	case <-p.heard: // there is no more
	default:
		p.listening = make(chan struct{})
		g.wg.Go(func() { g.listen(p, p.conn) })
	}
}

// listen receives what a worker says.
func (g *Group) listen(p *process, conn *net.UnixConn) {
	defer close(p.listening)
	for {
		f, file, err := p.link.receive(conn)
		if errors.Is(err, errFrozen) {
			return
		}
		if err != nil {
			close(p.heard)
			g.killAfter(p, killGrace, "closed its control socket")
			return
		}
		if f.Kind == kindGive {
			g.handOver(p, f, file)
			continue
		}
		if file != nil {
			file.Close() // nothing else comes with one
		}
		switch f.Kind {
		case kindReply:
			if fn := p.calls.take(f.ID); fn != nil {
				fn(f, nil)
			}
		case kindLeave:
			g.task(func() { g.replace(p) })
		default:
			if f.ID != 0 {
				p.reply(f.ID, errUnknown(f))
			}
		}
	}
}

// started is called with what a new worker made of its first settings: it
// serves, or it refused them.
func (g *Group) started(p *process, err error) {
	if err != nil {
		if !errors.Is(err, errGone) {
			g.refused(p, err)
		}
		return
	}
	g.mu.Lock()
	ready := p.state == Starting
	if ready {
		p.state, p.readyAt = Ready, time.Now()
	}
	g.mu.Unlock()
	if !ready {
		return
	}
	steerErr := g.steerOrNote()
	g.mu.Lock()
	p.steerErr = steerErr
	g.note(Event{ID: p.place.id, PID: p.pid(), State: Ready, Message: fmt.Sprintf("worker %d (pid %d) is ready", p.place.id, p.pid())})
	g.mu.Unlock()
	close(p.up)
	g.settle()
}

// refused leaves a worker that does not take its first settings a moment to
// say more and end by itself.
func (g *Group) refused(p *process, err error) {
	g.mu.Lock()
	p.cause = fmt.Sprintf("it refused its settings: %v", err)
	g.mu.Unlock()
	g.killAfter(p, killGrace, "")
}

// await waits for the end of a process.
func (g *Group) await(p *process) {
	p.proc.ending()
	g.thawed.RLock()
	defer g.thawed.RUnlock()
	state, exit := p.proc.wait()
	g.ended(p, state, exit)
}

// ended takes a process off everything: first connections are steered away from
// its slot, then its numbers are folded, then its place is filled again.
func (g *Group) ended(p *process, state State, exit string) {
	g.mu.Lock()
	was := p.state
	p.state = state
	g.slots.release(p.slot, state == Crashed)
	for _, t := range p.timers {
		t.Stop()
	}
	g.mu.Unlock()
	g.steerOrNote()
	<-p.heard // its last words may be that it has taken a connection
	p.link.close()
	p.calls.close(errGone)
	tail := ""
	if p.output != nil {
		tail = p.output.end()
	}
	g.forget(p, func() { g.conclude(p, was, exit, tail) })
	close(p.gone)
}

// forget folds and unmaps the memory of an ended process, and removes it at the
// same moment as then is called, with mu held.
func (g *Group) forget(p *process, then func()) {
	g.memMu.Lock()
	defer g.memMu.Unlock()
	if p.proc != nil {
		g.cfg.Fold(p.place.id, p.memory)
	}
	unmap(p.memory)
	if p.shared != nil {
		p.shared.Close()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p.memory = nil
	g.procs = slices.DeleteFunc(g.procs, func(q *process) bool { return q == p })
	then()
}

// conclude records how p ended, and has it replaced if it was not told to end.
// mu is held.
func (g *Group) conclude(p *process, was State, exit, tail string) {
	if p.cause != "" {
		exit += " (" + p.cause + ")"
	}
	p.exit, p.tail = exit, tail
	e := Event{ID: p.place.id, PID: p.pid(), State: p.state}
	if p.state == Crashed {
		e.Level, e.Tail, e.LastOutput = slog.LevelError, tail, lastLines(tail)
	} else if was != Draining {
		e.Level = slog.LevelWarn
	}
	pl := p.place
	next := ""
	if pl.next == p {
		pl.next = nil
	}
	again := ""
	if p.killedAsHung || pl.current == p {
		again = pl.crashed(exit, tail)
	}
	if pl.current == p {
		pl.current = nil
		if !p.readyAt.IsZero() && time.Since(p.readyAt) >= g.cfg.Backoff.Reset {
			pl.failures = 0
		}
		if d, ok := g.schedule(pl); ok {
			next = fmt.Sprintf("; restart in %s", d.Round(time.Millisecond))
		}
	}
	e.Message = fmt.Sprintf("worker %d (pid %d) ended: %s%s%s", pl.id, p.pid(), exit, again, next)
	if p.proc == nil {
		e.Message = fmt.Sprintf("worker %d could not be started: %s%s%s", pl.id, exit, again, next)
	}
	g.note(e)
}

// schedule has a worker started at pl after the pause that is due, unless
// somebody else sees to that place. mu is held.
func (g *Group) schedule(pl *place) (time.Duration, bool) {
	if g.stopped || !g.wants(pl) || pl.current != nil || pl.next != nil || pl.timer != nil {
		return 0, false
	}
	d := g.cfg.Backoff.pause(pl.failures, rand.Float64())
	pl.failures++
	pl.nextStart = time.Now().Add(d)
	pl.timer = time.AfterFunc(d, func() { g.respawn(pl) })
	return d, true
}

// pause before the start after so many failures; spread is from 0 to 1.
func (b Backoff) pause(failures int, jitter float64) time.Duration {
	d := b.First
	for ; failures > 0 && d < b.Most; failures-- {
		d *= 2
	}
	d = min(d, b.Most)
	return time.Duration(float64(d) * (0.8 + 0.4*jitter))
}

// wants reports whether pl is still one of the places. mu is held.
func (g *Group) wants(pl *place) bool {
	return pl.id < len(g.places) && g.places[pl.id] == pl
}

// respawn starts a worker at a place that waits for one.
func (g *Group) respawn(pl *place) {
	g.mu.Lock()
	pl.timer = nil
	if g.stopped || g.frozen || !g.wants(pl) || pl.current != nil || pl.next != nil {
		g.mu.Unlock()
		return
	}
	p, err := g.reserve(pl)
	if err != nil {
		pl.lastExit = err.Error()
		g.schedule(pl)
		g.mu.Unlock()
		return
	}
	pl.current = p
	g.task(func() { g.start(p) })
	g.mu.Unlock()
}

// replace drains a worker nobody retired and has another started in its place.
func (g *Group) replace(p *process) {
	g.mu.Lock()
	if p.place.current == p {
		p.place.current = nil
		g.schedule(p.place)
	}
	timeout := g.drain
	g.mu.Unlock()
	g.retire([]*process{p}, timeout)
}

// retire steers connections away from these workers and then tells them to
// drain. It does not wait for them.
func (g *Group) retire(procs []*process, timeout time.Duration) {
	var retired []*process
	g.mu.Lock()
	for _, p := range procs {
		if p.state == Starting || p.state == Ready {
			timeout := g.patience(p, timeout)
			p.state, p.deadline = Draining, time.Now().Add(timeout)
			g.note(Event{ID: p.place.id, PID: p.pid(), State: Draining,
				Message: fmt.Sprintf("worker %d (pid %d) drains, for at most %s", p.place.id, p.pid(), timeout.Round(100*time.Millisecond))})
			retired = append(retired, p)
		}
	}
	g.mu.Unlock()
	g.steerOrNote()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range retired {
		if p.drainSent = true; p.state != Draining {
			continue // it has ended meanwhile
		}
		timeout := g.patience(p, timeout)
		p.link.send(outgoing{frame: frame{Kind: kindDrain, Timeout: timeout, Handover: g.takers()}})
		g.overstays(p, timeout)
	}
}

// overstays has p killed some time after its drain. mu is held.
func (g *Group) overstays(p *process, timeout time.Duration) {
	if p.late != nil {
		p.late.Stop()
	}
	late := fmt.Sprintf("still running %s after its drain timeout of %s", killGrace, timeout.Round(time.Millisecond))
	p.late = time.AfterFunc(timeout+killGrace, func() { g.kill(p, late) })
	p.timers = append(p.timers, p.late)
}

// ExtendDrain gives draining workers so much more time, and EndDrain none at
// all: what they have left is closed at once. Both return how many workers they
// reached: those of the id, or all if it is negative.
func (g *Group) ExtendDrain(id int, more time.Duration) int {
	return g.redrain(id, func(p *process) time.Duration { return max(0, time.Until(p.deadline)) + more })
}

// EndDrain is described at ExtendDrain.
func (g *Group) EndDrain(id int) int {
	return g.redrain(id, func(*process) time.Duration { return 0 })
}

func (g *Group) redrain(id int, left func(*process) time.Duration) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.procs {
		if p.state != Draining || !p.drainSent || id >= 0 && p.place.id != id {
			continue
		}
		d := left(p)
		if !p.link.send(outgoing{frame: frame{Kind: kindDrain, Timeout: d}}) {
			continue
		}
		p.deadline = time.Now().Add(d)
		g.overstays(p, d)
		n++
	}
	return n
}

// kill ends a process at once; cause is told with its exit.
func (g *Group) kill(p *process, cause string) { g.killIf(p, "", cause) }

// killIf kills p if it is in this state, or in any.
func (g *Group) killIf(p *process, state State, cause string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state == Exited || p.state == Crashed || state != "" && p.state != state {
		return
	}
	p.killed = true
	if p.cause == "" {
		p.cause = cause
	}
	if p.proc != nil {
		p.proc.kill()
	}
}

// killAfter kills p unless it ends within d.
func (g *Group) killAfter(p *process, d time.Duration, cause string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state != Exited && p.state != Crashed {
		p.timers = append(p.timers, time.AfterFunc(d, func() { g.kill(p, cause) }))
	}
}
