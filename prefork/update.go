package prefork

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Update brings new settings to every worker and returns when all ready ones
// have taken them. If one refuses, ends or does not answer within AckTimeout,
// all are returned to the settings they had and the error says why. Workers that
// start meanwhile or later start with what then holds; draining ones are left
// alone.
func (g *Group) Update(ctx context.Context, settings []byte) error {
	if len(settings) > MaxPayload {
		return fmt.Errorf("update %s: settings of %d bytes are too large: at most %d", g.cfg.Name, len(settings), MaxPayload)
	}
	end, err := g.begin(ctx)
	if err != nil {
		return fmt.Errorf("update %s: %w", g.cfg.Name, err)
	}
	defer end()
	g.mu.Lock()
	old := g.settings
	g.mu.Unlock()
	taken, err := g.distribute(ctx, slices.Clone(settings), nil)
	if err == nil {
		return nil
	}
	g.restore(old, taken)
	return fmt.Errorf("update %s: %w; the old settings stay in effect", g.cfg.Name, err)
}

// ack is a worker's answer to settings.
type ack struct {
	p   *process
	err error
}

// distribute makes settings the present ones and sends them to all workers. It
// waits for those in among, or if that is nil for all that are ready, and
// returns who took them and why the first other did not.
func (g *Group) distribute(ctx context.Context, settings []byte, among []*process) (taken []*process, err error) {
	late := time.NewTimer(g.cfg.AckTimeout)
	defer late.Stop()
	awaited, acks := g.send(settings, among)
	for len(awaited) > 0 {
		select {
		case a := <-acks:
			i := slices.Index(awaited, a.p)
			if i < 0 {
				continue
			}
			awaited = slices.Delete(awaited, i, i+1)
			if a.err == nil {
				taken = append(taken, a.p)
			} else if err == nil {
				err = fmt.Errorf("worker %d: %w", a.p.place.id, a.err)
			}
		case <-late.C:
			return taken, cmp.Or(err, fmt.Errorf("worker %d has not answered within %s", awaited[0].place.id, g.cfg.AckTimeout))
		case <-ctx.Done():
			return taken, cmp.Or(err, fmt.Errorf("worker %d has not answered: %w", awaited[0].place.id, ctx.Err()))
		case <-g.stopping:
			return taken, ErrStopped
		}
	}
	return taken, err
}

// send queues settings for every worker that is not draining. Who shows no sign of
// life is not waited for: he takes them when he comes back, or never serves again.
func (g *Group) send(settings []byte, among []*process) (awaited []*process, acks chan ack) {
	g.mu.Lock()
	defer g.mu.Unlock()
	acks = make(chan ack, len(g.procs))
	g.settings = settings
	g.generation++
	for _, p := range g.procs {
		switch {
		case p.state != Starting && p.state != Ready:
			continue
		case p.serves() && among == nil || slices.Contains(among, p):
			awaited = append(awaited, p)
			if err := g.sendSettings(p, func(err error) { acks <- ack{p, err} }); err != nil {
				acks <- ack{p, err}
			}
		default:
			generation := g.generation
			if err := g.sendSettings(p, func(err error) { g.unfit(p, generation, err) }); err != nil {
				g.task(func() { g.unfit(p, generation, err) })
			}
		}
	}
	return awaited, acks
}

// unfit replaces a worker nobody waited for that refused the settings which
// still hold: it would serve something else than the others.
func (g *Group) unfit(p *process, generation uint64, err error) {
	if err == nil || errors.Is(err, errGone) {
		return
	}
	g.mu.Lock()
	holds := g.generation == generation && (p.state == Starting || p.state == Ready)
	if holds {
		g.note(Event{Level: slog.LevelError, ID: p.place.id, PID: p.pid(), State: p.state,
			Message: fmt.Sprintf("worker %d (pid %d) is replaced because it refused the new settings: %v", p.place.id, p.pid(), err)})
	}
	g.mu.Unlock()
	if holds {
		g.task(func() { g.replace(p) })
	}
}

// restore returns everybody to the old settings, and replaces those of taken
// that do not follow: what they serve is unknown.
func (g *Group) restore(old []byte, taken []*process) {
	if taken == nil {
		taken = []*process{}
	}
	back, err := g.distribute(context.Background(), old, taken)
	if errors.Is(err, ErrStopped) {
		return
	}
	g.mu.Lock()
	generation := g.generation
	g.mu.Unlock()
	for _, p := range taken {
		if !slices.Contains(back, p) {
			g.unfit(p, generation, fmt.Errorf("return to the old settings: %w", err))
		}
	}
}
