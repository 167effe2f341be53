package prefork

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrRolling is returned by Roll while another one is under way.
var ErrRolling = errors.New("a rolling restart is already running")

// Progress of a rolling restart: Done of Total workers are new. Total is 0 while
// there is none.
type Progress struct{ Done, Total int }

// Rolling tells how far a rolling restart has come.
func (g *Group) Rolling() Progress {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rolled
}

// Roll puts a new process in the place of every worker there is, one after the
// other, each as Restart does. If one of them cannot start, its old process and
// all that were not reached yet go on, and the error says why. Other changes may
// come between two workers; processes started after Roll began count as new.
func (g *Group) Roll(ctx context.Context) error {
	began := time.Now()
	if err := g.beginRoll(); err != nil {
		return fmt.Errorf("restart the workers of %s: %w", g.cfg.Name, err)
	}
	defer g.rollTo(Progress{})
	for id := 0; ; id++ {
		total := g.Wanted()
		if id >= total {
			return nil
		}
		g.rollTo(Progress{Done: id, Total: total})
		if g.startedAfter(id, began) {
			continue
		}
		err := g.Restart(ctx, id)
		if err != nil && !errors.Is(err, ErrNoWorker) { // that one was taken away meanwhile
			return fmt.Errorf("%d of %d workers replaced, the others keep running: %w", id, total, err)
		}
	}
}

func (g *Group) beginRoll() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rolled.Total > 0 {
		return fmt.Errorf("%w: %d of %d workers are new", ErrRolling, g.rolled.Done, g.rolled.Total)
	}
	g.rolled = Progress{Total: max(1, len(g.places))}
	return nil
}

func (g *Group) rollTo(p Progress) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rolled = p
}

// startedAfter reports whether worker id serves by a process younger than t.
func (g *Group) startedAfter(id int, t time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id >= len(g.places) {
		return false
	}
	p := g.places[id].current
	return p != nil && p.state == Ready && p.started.After(t)
}
