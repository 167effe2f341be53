package serving

import (
	"context"
	"sync"
	"time"
)

// deadline is the end of a drain in this process. It can be moved.
type deadline struct {
	context.Context
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	until time.Time
	timer *time.Timer
}

func newDeadline(after time.Duration) *deadline {
	d := &deadline{until: time.Now().Add(after)}
	d.Context, d.cancel = context.WithCancelCause(context.Background())
	d.timer = time.AfterFunc(after, func() { d.cancel(context.DeadlineExceeded) })
	return d
}

// extend returns false if the time is over.
func (d *deadline) extend(more time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err() != nil || !d.timer.Stop() {
		return false
	}
	d.until = d.until.Add(more)
	d.timer.Reset(time.Until(d.until))
	return true
}

// end returns false if the time is over.
func (d *deadline) end() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	over := d.Err() != nil
	d.timer.Stop()
	d.until = time.Now()
	d.cancel(context.DeadlineExceeded)
	return !over
}

func (d *deadline) at() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.until
}

// Drain ends the Service without losing a request; see [listener.Server.Drain].
// What is left after the given time, or after what became of it, is closed.
func (s *Service) Drain(within time.Duration) {
	d := newDeadline(within)
	defer d.cancel(nil)
	defer d.timer.Stop()
	s.deadline.Store(d)
	s.drain(d)
}

// DrainDeadline is zero while s does not drain.
func (s *Service) DrainDeadline() time.Time {
	if d := s.deadline.Load(); d != nil {
		return d.at()
	}
	return time.Time{}
}

// ExtendDrain gives a drain that is under way more time. It returns false if there
// is none, or its time is over.
func (s *Service) ExtendDrain(more time.Duration) bool {
	d := s.deadline.Load()
	return d != nil && d.extend(more)
}

// EndDrain ends the time of a drain that is under way. It returns false if there is
// none, or its time is over.
func (s *Service) EndDrain() bool {
	d := s.deadline.Load()
	return d != nil && d.end()
}

// lastDrainIdle is how long an idle connection may still send a request where
// nobody serves the listener afterwards: what is on its way arrives, and what comes
// later would have nobody to answer it either.
const lastDrainIdle = 20 * time.Millisecond

// NoSuccessor tells that nobody serves the listener after the next drain.
func (s *Service) NoSuccessor() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits.DrainIdle = lastDrainIdle
	s.server.SetLimits(s.limits)
}

// drain is Drain until ctx ends.
func (s *Service) drain(ctx context.Context) {
	s.board.BeginDrain()
	forced, err := s.server.Drain(ctx)
	if s.board.EndDrain(forced); err != nil {
		s.log.Warn("drain", "listener", s.name, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pools {
		p.Close()
	}
	s.pools = nil
}
