package prefork

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"
)

// Recycle bounds the life of workers; zero bounds nothing. One beyond a bound is
// replaced: the new process is ready before the old one drains. A group replaces
// one worker at a time. Each has its own share of the bounds of requests and age,
// a tenth more or less, so that those started together do not end together.
type Recycle struct {
	Requests uint64
	Age      time.Duration
	Memory   uint64 // resident, in bytes
}

// SetRecycle changes the bounds, also for workers that run.
func (g *Group) SetRecycle(r Recycle) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recycle, g.recycleAt = r, time.Time{}
}

// recycleOne replaces the first worker that is beyond a bound, unless another is
// being replaced.
func (g *Group) recycleOne(memory bool) {
	p, why := g.overdue()
	if p == nil && memory {
		p, why = g.tooLarge()
	}
	if p == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped || g.recycling {
		return
	}
	g.recycling = true
	g.wg.Go(func() { g.recycleWorker(p, why) })
}

// recyclable are the workers that may be replaced now, by age of their place.
// mu is held.
func (g *Group) recyclable() []*process {
	if g.recycle == (Recycle{}) || g.recycling || time.Now().Before(g.recycleAt) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(g.procs), func(p *process) bool {
		return !p.serves() || p.place.current != p || p.place.next != nil || !g.wants(p.place)
	})
}

// overdue is a worker beyond its bound of requests or age, and by how much.
func (g *Group) overdue() (*process, string) {
	g.memMu.Lock()
	defer g.memMu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	most := g.recycle
	for _, p := range g.recyclable() {
		if most.Requests > 0 && g.cfg.Requests != nil && p.memory != nil {
			if n := g.cfg.Requests(p.memory); n >= share(most.Requests, p.jitter) {
				return p, fmt.Sprintf("%s requests, limit %s give or take a tenth", thousands(n), thousands(most.Requests))
			}
		}
		if age := time.Since(p.started); most.Age > 0 && age >= time.Duration(share(uint64(most.Age), p.jitter)) {
			return p, fmt.Sprintf("%s old, limit %s give or take a tenth", age.Round(time.Second), most.Age)
		}
	}
	return nil, ""
}

// tooLarge is a worker beyond the bound of memory, and by how much.
func (g *Group) tooLarge() (*process, string) {
	g.mu.Lock()
	most, procs := g.recycle.Memory, g.recyclable()
	pids := make([]int, len(procs))
	for i, p := range procs {
		pids[i] = p.pid()
	}
	g.mu.Unlock()
	if most == 0 || g.cfg.Resident == nil {
		return nil, ""
	}
	for i, p := range procs { // asks the system, so without a lock
		if n := g.cfg.Resident(pids[i]); n > most {
			return p, fmt.Sprintf("%s bytes resident, limit %s", thousands(n), thousands(most))
		}
	}
	return nil, ""
}

func share(most uint64, jitter float64) uint64 { return max(1, uint64(float64(most)*jitter)) }

const (
	// recyclePause is the least time after a worker that could not be replaced.
	recyclePause = 5 * time.Second
	// recycleDrain is the longest the next worker waits for the last one's drain.
	recycleDrain = 30 * time.Second
)

// recycleWorker puts a new process in the place of p, and returns when p has
// drained, or takes long over it.
func (g *Group) recycleWorker(p *process, why string) {
	defer func() {
		g.mu.Lock()
		g.recycling = false
		g.mu.Unlock()
	}()
	if !g.supplant(p, why) {
		return
	}
	t := time.NewTimer(recycleDrain)
	defer t.Stop()
	select {
	case <-p.gone:
	case <-t.C:
	case <-g.stopping:
	}
}

// supplant replaces p if it still is the one that serves in its place.
func (g *Group) supplant(p *process, why string) bool {
	end, err := g.begin(context.Background())
	if err != nil {
		return false
	}
	defer end()
	g.mu.Lock()
	pl, timeout := p.place, g.drain
	due := p.serves() && pl.current == p && g.wants(pl)
	g.mu.Unlock()
	if !due {
		return false
	}
	old, err := g.try(context.Background(), []*place{pl})
	g.mu.Lock()
	if err != nil {
		g.recycleAt = time.Now().Add(max(recyclePause, g.cfg.Backoff.Most))
		g.note(Event{Level: slog.LevelWarn, ID: pl.id, PID: p.pid(), State: p.state,
			Message: fmt.Sprintf("worker %d (%s) keeps running because it cannot be replaced: %v", pl.id, why, err)})
	} else {
		g.note(Event{ID: pl.id, PID: p.pid(), State: p.state, Message: fmt.Sprintf("worker %d recycled: %s", pl.id, why)})
	}
	g.mu.Unlock()
	if err != nil {
		return false
	}
	g.retire(old, timeout)
	return true
}

// thousands writes a number with a comma before every third digit.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
