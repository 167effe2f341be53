package listener

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// emptyGrace is how long an accept queue must have been empty.
	emptyGrace = 20 * time.Millisecond
	// queueTimeout bounds the wait for a queue that others keep filling.
	queueTimeout = 2 * time.Second
	// forceGrace is what connections closed by force get to clean up.
	forceGrace = 250 * time.Millisecond
)

// Drain ends the server without losing a request. New connections should
// already be steered elsewhere.
//
// It accepts until the queue of each listener is empty and stays so, then ends
// the accept loops. Connections that can be are handed over, where HandOver was
// called. Every other response from the beginning of Drain on closes its
// connection. Idle connections may send one more request for Limits.DrainIdle
// and are then closed; a request that arrives in the very moment of that close,
// some microseconds, is the one thing that can be lost.
//
// When ctx ends first, what is left is closed and its number returned together
// with the error.
func (s *Server) Drain(ctx context.Context) (forced int, err error) {
	s.beginDrain()
	datagrams, quicErr := s.drainQUIC(ctx)
	streams, err := s.drainAccepted(ctx)
	return datagrams + streams, errors.Join(quicErr, err)
}

// drainAccepted drains what listeners and other processes have accepted.
func (s *Server) drainAccepted(ctx context.Context) (forced int, err error) {
	s.emptyQueues(ctx)
	s.stopAccepting()
	if s.waitVacant(ctx) {
		s.seal()
		return 0, nil
	}
	forced = s.force()
	s.seal()
	if forced == 0 {
		return 0, nil
	}
	return forced, fmt.Errorf("drain %s: %d connections closed by force: %w", s.name, forced, context.Cause(ctx))
}

// Close ends the server at once, with every connection.
func (s *Server) Close() error {
	s.beginDrain()
	for _, q := range s.quicServers() {
		q.closeAll()
	}
	s.stopAccepting()
	s.seal()
	s.conns.each((*conn).kill)
	return nil
}

func (s *Server) beginDrain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drainFrom.CompareAndSwap(0, ticks()) {
		close(s.drain)
		s.sweeper.wake()
	}
}

// emptyQueues waits until nothing is left to accept. Where the system does not
// tell, it waits as long as a connection needs to get through.
func (s *Server) emptyQueues(ctx context.Context) {
	if !s.accepting() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	for s.queued() {
		if !sleep(ctx, time.Millisecond) {
			return
		}
	}
	for sleep(ctx, emptyGrace) && s.queued() {
	}
}

func (s *Server) accepting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acceptors) > 0
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Server) queued() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := range s.acceptors {
		if a.queued() {
			return true
		}
	}
	return false
}

// stopAccepting ends the accept loops and waits for them: afterwards every
// connection they accepted is in the table.
func (s *Server) stopAccepting() {
	s.mu.Lock()
	if !s.isStopped() {
		close(s.stopped)
	}
	var running []*acceptor
	for a := range s.acceptors {
		a.interrupt()
		running = append(running, a)
	}
	s.mu.Unlock()
	for _, a := range running {
		<-a.returned
	}
}

// interrupt wakes a loop that waits in Accept, by a deadline where there are
// some, because that leaves the socket as it is.
func (a *acceptor) interrupt() {
	if d, ok := a.ln.(interface{ SetDeadline(time.Time) error }); ok && d.SetDeadline(past) == nil {
		return
	}
	a.ln.Close()
}

func (s *Server) waitVacant(ctx context.Context) bool {
	for !vacant(&s.open) || !vacant(&s.parting) {
		select {
		case <-s.vacated:
		case <-ctx.Done():
			return false
		}
	}
	s.signalVacant() // another call to Drain may wait as well
	return true
}

func vacant(n *atomic.Int64) bool {
	left := n.Load()
	return left == 0 || left == full
}

// force ends the connections that are left: those between requests by asking
// them to leave, so that a request that has arrived is still answered, and the
// others by closing them.
func (s *Server) force() int {
	s.conns.each(func(c *conn) {
		if p := c.now(); !p.state().Active() {
			c.evict(p, evictLeave)
		}
	})
	s.giveTime()
	var forced int
	s.conns.each(func(c *conn) {
		if c.now().state() != StateClosing {
			forced++
		}
		c.kill()
	})
	if forced > 0 {
		s.giveTime()
	}
	return forced
}

func (s *Server) giveTime() {
	ctx, cancel := context.WithTimeout(context.Background(), forceGrace)
	defer cancel()
	s.waitVacant(ctx)
}

// seal lets nobody in any more. Connections whose handlers do not return are
// left to them.
func (s *Server) seal() {
	if !s.open.CompareAndSwap(0, full) && s.open.Load() > 0 {
		s.open.Add(full)
	}
	s.sweeper.stop()
	s.idlePoller.stop()
}
