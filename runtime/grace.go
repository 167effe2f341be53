package runtime

import (
	"context"
	"sync"
	"time"
)

// grace is the time that a drain in this process may take. Its end can be moved.
type grace struct {
	context.Context
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	until time.Time
	timer *time.Timer
}

func newGrace(d time.Duration) *grace {
	g := &grace{until: time.Now().Add(d)}
	g.Context, g.cancel = context.WithCancelCause(context.Background())
	g.timer = time.AfterFunc(d, func() { g.cancel(context.DeadlineExceeded) })
	return g
}

// extend says false if the time was over.
func (g *grace) extend(more time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.Err() != nil || !g.timer.Stop() {
		return false
	}
	g.until = g.until.Add(more)
	g.timer.Reset(time.Until(g.until))
	return true
}

func (g *grace) end() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	over := g.Err() != nil
	g.timer.Stop()
	g.until = time.Now()
	g.cancel(context.DeadlineExceeded)
	return !over
}

func (g *grace) deadline() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until
}

// drainWithin is drain, with what is left closed after d, or after what became
// of that.
func (s *service) drainWithin(d time.Duration) {
	g := newGrace(d)
	defer g.cancel(nil)
	defer g.timer.Stop()
	s.grace.Store(g)
	s.drain(g)
}

// drainDeadline is zero while s does not drain.
func (s *service) drainDeadline() time.Time {
	if g := s.grace.Load(); g != nil {
		return g.deadline()
	}
	return time.Time{}
}
