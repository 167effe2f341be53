package prefork

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

const (
	// watchEvery is how often a group looks after its workers, at least.
	watchEvery = 500 * time.Millisecond
	// suspectAfter is the longest silence of a worker without consequence.
	suspectAfter = 2 * time.Second
	// lifeEvery is how often workers are held against Recycle, memoryEvery how
	// often against its bound of memory, which the system must be asked for.
	lifeEvery   = time.Second
	memoryEvery = 5 * time.Second
)

// BeatEvery is how often a worker should show a sign of life where one that
// shows none for hang is replaced.
func BeatEvery(hang time.Duration) time.Duration {
	if hang <= 0 {
		return watchEvery
	}
	return min(max(hang/20, 20*time.Millisecond), watchEvery)
}

// suspicion is the silence after which connections are steered away.
func suspicion(hang time.Duration) time.Duration { return min(hang/5, suspectAfter) }

// SetHangTimeout changes how long a worker may show no sign of life; 0 waits
// for it forever.
func (g *Group) SetHangTimeout(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hang = max(0, d)
}

// startWatch has the workers looked after from the first of them on. mu is held.
func (g *Group) startWatch() {
	if !g.watched {
		g.watched = true
		g.wg.Go(g.watch)
	}
}

// watch looks after the workers until the group stops or is frozen.
func (g *Group) watch() {
	last, life, memory := time.Now(), time.Duration(0), time.Duration(0)
	for {
		g.mu.Lock()
		every := BeatEvery(g.hang)
		if g.watched = !g.frozen; g.frozen {
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		select {
		case <-g.stopping:
			return
		case <-time.After(every):
		}
		elapsed := time.Since(last)
		last = last.Add(elapsed)
		life, memory = life+elapsed, memory+elapsed
		if !g.thawed.TryRLock() { // frozen, or just about to be
			continue
		}
		g.feel(elapsed, elapsed > every+time.Second)
		if life >= lifeEvery {
			g.recycleOne(memory >= memoryEvery)
			if life = 0; memory >= memoryEvery {
				memory = 0
			}
		}
		g.thawed.RUnlock()
	}
}

// feel looks at the heartbeat of each worker, elapsed after the last time. Who
// stood still itself, with the machine or stopped, cannot tell who else did:
// then stalled is set and all begin anew.
func (g *Group) feel(elapsed time.Duration, stalled bool) {
	if g.cfg.Beat == nil {
		return
	}
	g.memMu.Lock()
	g.mu.Lock()
	resteer, back := false, false
	for _, p := range g.procs {
		if p.state != Ready || p.memory == nil {
			continue
		}
		beat := g.cfg.Beat(p.memory)
		lives := beat != p.beat || beat == 0 || g.hang == 0 // at 0 it never had one
		p.beat = beat
		switch {
		case lives && p.hung():
			g.revive(p)
			resteer, back = true, true
		case lives || stalled:
			p.silence = 0
		default:
			p.silence += elapsed
			resteer = g.suspect(p) || resteer
		}
	}
	g.mu.Unlock()
	g.memMu.Unlock()
	if resteer {
		g.steerOrNote()
	}
	if back {
		g.settle()
	}
}

// suspect draws the consequences of a silence. It reports whether connections
// must be steered anew. mu is held.
func (g *Group) suspect(p *process) (resteer bool) {
	if !p.hung() && p.silence >= suspicion(g.hang) {
		p.hungSince, resteer = time.Now().Add(-p.silence), true
		g.note(Event{Level: slog.LevelWarn, ID: p.place.id, PID: p.pid(), State: Hung,
			Message: fmt.Sprintf("worker %d (pid %d) has had no heartbeat for %s: it gets no new connections, and is replaced after %s",
				p.place.id, p.pid(), short(p.silence), g.hang)})
	}
	if p.silence >= g.hang && !p.givenUp {
		p.givenUp = true
		g.wg.Go(func() { g.replaceHung(p) })
	}
	return resteer
}

// revive takes a worker back that shows signs of life again. mu is held.
func (g *Group) revive(p *process) {
	gone := time.Since(p.hungSince)
	p.hungSince, p.silence = time.Time{}, 0
	g.note(Event{Level: slog.LevelWarn, ID: p.place.id, PID: p.pid(), State: Ready,
		Message: fmt.Sprintf("worker %d (pid %d) has a heartbeat again after %s and gets connections again", p.place.id, p.pid(), short(gone))})
}

// replaceHung puts another process in the place of one that shows no sign of
// life. The new one comes first, so that the place is not without any; one that
// came back meanwhile drains like any other.
func (g *Group) replaceHung(p *process) {
	end, err := g.begin(context.Background())
	if err != nil {
		return
	}
	defer end()
	g.mu.Lock()
	pl, timeout := p.place, g.drain
	if !p.hung() || p.state != Ready || pl.current != p || !g.wants(pl) {
		p.givenUp = false
		g.mu.Unlock()
		return
	}
	g.mu.Unlock()
	_, failed := g.try(context.Background(), []*place{pl})
	g.mu.Lock()
	silent := p.hung() && p.state == Ready
	if p.givenUp = silent; failed != nil {
		g.note(Event{Level: slog.LevelError, ID: pl.id, PID: p.pid(), State: Hung,
			Message: fmt.Sprintf("worker %d (pid %d) hangs and cannot be replaced: %v", pl.id, p.pid(), failed)})
	}
	g.mu.Unlock()
	switch {
	case silent:
		g.killHung(p)
	case failed == nil:
		g.retire([]*process{p}, timeout)
	}
}

// patience is how long p may drain: one that hangs no longer than it may hang, as
// it does not even know that it should. mu is held.
func (g *Group) patience(p *process, timeout time.Duration) time.Duration {
	if p.hung() && g.hang > 0 {
		return min(timeout, g.hang)
	}
	return timeout
}

const (
	// traceGrace is how long a process may take to print what it does.
	traceGrace = time.Second
	// traceLines is how much of that goes to the log.
	traceLines = 400
)

// killHung ends a process that hangs. It is asked first to print the stacks of its
// goroutines, as a Go program does on SIGQUIT: nothing else tells why it hung.
func (g *Group) killHung(p *process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state != Ready {
		return
	}
	p.state, p.drainSent, p.killedAsHung = Draining, true, true
	p.deadline = time.Now().Add(traceGrace)
	p.cause = fmt.Sprintf("no heartbeat for %s", short(time.Since(p.hungSince)))
	p.output.limit(traceLines)
	p.proc.trace()
	p.timers = append(p.timers, time.AfterFunc(traceGrace, func() { g.kill(p, "") }))
}

// short writes a duration for a person.
func short(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
