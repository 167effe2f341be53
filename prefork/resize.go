package prefork

import (
	"context"
	"fmt"
	"time"
)

// Resize makes the group n workers large; 0 leaves it without any.
//
// It grows by starting all new workers and returns once they are ready and get
// connections. If one of them cannot, the new ones are taken back, the others
// never notice, and the error tells how that one ended and what it printed.
// It shrinks from the highest id down and returns once those workers were told
// to drain; Workers shows them until they are gone.
func (g *Group) Resize(ctx context.Context, n int) error {
	if n < 0 || n > MaxWorkers {
		return fmt.Errorf("resize %s to %d workers: must be from 0 to %d", g.cfg.Name, n, MaxWorkers)
	}
	if n > 0 && !supported {
		return fmt.Errorf("resize %s to %d workers: %w", g.cfg.Name, n, ErrUnsupported)
	}
	end, err := g.begin(ctx)
	if err != nil {
		return fmt.Errorf("resize %s to %d workers: %w", g.cfg.Name, n, err)
	}
	defer end()
	had := g.Wanted()
	if n <= had {
		g.shrink(n)
		return nil
	}
	if err := g.grow(ctx, n); err != nil {
		return fmt.Errorf("resize %s from %d to %d workers: %w", g.cfg.Name, had, n, err)
	}
	return nil
}

func (g *Group) shrink(n int) {
	var procs []*process
	g.mu.Lock()
	for len(g.places) > n {
		last := g.places[len(g.places)-1]
		g.places = g.places[:len(g.places)-1]
		last.stopTimer()
		if last.current != nil {
			procs = append(procs, last.current)
		}
	}
	timeout := g.drain
	g.mu.Unlock()
	if len(procs) > 0 {
		g.retire(procs, timeout)
	}
}

func (pl *place) stopTimer() {
	if pl.timer != nil {
		pl.timer.Stop()
		pl.timer = nil
	}
}

func (g *Group) grow(ctx context.Context, n int) error {
	g.mu.Lock()
	had := len(g.places)
	for id := had; id < n; id++ {
		g.places = append(g.places, &place{id: id})
	}
	added := append([]*place(nil), g.places[had:]...)
	g.mu.Unlock()
	_, err := g.try(ctx, added)
	if err != nil {
		g.mu.Lock()
		g.places = g.places[:had]
		g.mu.Unlock()
	}
	return err
}

// Restart puts a new process in the place of worker id. The old one goes on
// until the new one is ready, and is then told to drain; if the new one cannot
// start, the old one stays. It also ends a backoff.
func (g *Group) Restart(ctx context.Context, id int) error {
	end, err := g.begin(ctx)
	if err != nil {
		return fmt.Errorf("restart worker %d of %s: %w", id, g.cfg.Name, err)
	}
	defer end()
	g.mu.Lock()
	if id < 0 || id >= len(g.places) {
		g.mu.Unlock()
		return fmt.Errorf("restart worker %d of %s: %w", id, g.cfg.Name, ErrNoWorker)
	}
	pl, timeout := g.places[id], g.drain
	g.mu.Unlock()
	old, err := g.try(ctx, []*place{pl})
	if err != nil {
		return fmt.Errorf("restart worker %d of %s: %w", id, g.cfg.Name, err)
	}
	if len(old) > 0 {
		g.retire(old, timeout)
	}
	return nil
}

// try starts a process at each place. When all are ready they take over and
// those that were there before are returned, still serving. Otherwise the new
// ones are taken back.
func (g *Group) try(ctx context.Context, places []*place) (old []*process, err error) {
	var procs []*process
	if err := g.room(len(places)); err != nil {
		return nil, err
	}
	for _, pl := range places {
		p, err := g.begun(pl)
		if err != nil {
			g.abandon(procs, places)
			return nil, err
		}
		procs = append(procs, p)
	}
	for _, p := range procs {
		if err := g.awaitReady(ctx, p); err != nil {
			g.abandon(procs, places)
			return nil, err
		}
	}
	old, err = g.promote(procs)
	if err != nil {
		g.abandon(procs, places)
	}
	return old, err
}

// begun starts a process on trial at pl.
func (g *Group) begun(pl *place) (*process, error) {
	g.mu.Lock()
	p, err := g.reserve(pl)
	if err == nil {
		pl.stopTimer()
		pl.next = p
	}
	g.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("worker %d: %w", pl.id, err)
	}
	return p, g.start(p)
}

func (g *Group) awaitReady(ctx context.Context, p *process) error {
	select {
	case <-p.up:
		return nil
	case <-p.gone:
		return p.failure()
	case <-ctx.Done():
		return fmt.Errorf("worker %d is not ready: %w", p.place.id, ctx.Err())
	case <-g.stopping:
		return ErrStopped
	}
}

// promote makes processes on trial the current ones, if all still are ready.
func (g *Group) promote(procs []*process) (old []*process, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range procs {
		if p.steerErr != nil {
			return nil, fmt.Errorf("worker %d: %w", p.place.id, p.steerErr)
		}
		if p.state != Ready {
			return nil, fmt.Errorf("worker %d was ready, but is now %s", p.place.id, p.state)
		}
	}
	for _, p := range procs {
		if p.place.current != nil {
			old = append(old, p.place.current)
		}
		p.place.current, p.place.next, p.place.failures = p, nil, 0
	}
	return old, nil
}

// abandon takes back a trial. Those that are ready may have connections and are
// drained, the others are killed and gone when it returns. Places left without
// a process start one again after a pause, should they still be wanted.
func (g *Group) abandon(procs []*process, places []*place) {
	var serving, rest []*process
	g.mu.Lock()
	for _, p := range procs {
		switch p.state {
		case Starting:
			p.state = Draining // it can no longer become ready
			rest = append(rest, p)
		case Exited, Crashed:
			rest = append(rest, p)
		case Ready:
			serving = append(serving, p)
		}
	}
	timeout := g.drain
	g.mu.Unlock()
	if len(serving) > 0 {
		g.retire(serving, timeout)
	}
	for _, p := range rest {
		g.kill(p, "stopped because not all workers could start")
		<-p.gone
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, pl := range places {
		pl.next = nil
		if pl.starts > 1 { // a new place of a failed growth is not wanted
			g.schedule(pl)
		}
	}
}

// Stop drains every worker and waits until all are gone. What is left when ctx
// ends is killed, and the error says so. The sockets stay open. When it returns,
// every goroutine of the group has ended.
func (g *Group) Stop(ctx context.Context) error {
	g.stopOnce.Do(func() { close(g.stopping) })
	g.changeLock <- struct{}{} // whoever has it gives up on seeing stopping
	defer func() { <-g.changeLock }()
	procs, timeout := g.dismiss(ctx)
	if len(procs) > 0 {
		g.retire(procs, timeout)
	}
	killed := 0
	for _, p := range procs {
		select {
		case <-p.gone:
			continue
		case <-ctx.Done():
		}
		select {
		case <-p.gone:
		default:
			killed++
			g.kill(p, "the group was stopped without a drain")
		}
	}
	for _, p := range procs {
		<-p.gone
	}
	g.wg.Wait()
	if killed > 0 {
		return fmt.Errorf("stop %s: %d workers killed while draining: %w", g.cfg.Name, killed, ctx.Err())
	}
	return nil
}

// Kill ends every worker at once, without draining, and then stops the group.
func (g *Group) Kill() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = g.Stop(ctx) // its error is that workers were killed
}

// dismiss makes sure that nothing starts any more. It returns who still lives
// and how long they may drain, which leaves them time to end before ctx does.
func (g *Group) dismiss(ctx context.Context) ([]*process, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	for _, pl := range g.places {
		pl.stopTimer()
	}
	g.places = nil
	for _, c := range g.pending {
		c.Close()
	}
	g.pending = nil
	timeout := g.drain
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(0, min(timeout, time.Until(deadline)*9/10))
	}
	return append([]*process(nil), g.procs...), timeout
}
