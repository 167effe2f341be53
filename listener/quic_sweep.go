package listener

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// lateGrace is how long after a drain began packets of new connections may
	// still be found in a socket that was steered away from.
	lateGrace = 250 * time.Millisecond
	// leaveQuiet is how long nothing must have been sent to a client that was
	// told to leave until its connection is closed: what was lost on its way
	// would have been sent again by then.
	leaveQuiet = 250 * time.Millisecond
	// leaveLimit bounds the patience with a client that was told to leave and
	// keeps talking.
	leaveLimit = 5 * time.Second
	// betweenRequests is for how long a connection must have been without a
	// request for few requests to cross the message that tells it to leave.
	betweenRequests = 50 * time.Millisecond
)

// sweep looks after timeouts and bytes until the server has stopped.
func (q *quicServer) sweep() {
	for {
		pause := sweepEvery
		if q.s.draining() {
			pause = drainEvery
		}
		if !q.pause(pause) {
			return
		}
		limits, now, draining := q.s.limits.Load(), ticks(), q.s.drainFrom.Load()
		q.each(func(c *quicConn) {
			c.count()
			c.streams.sweep(limits, now)
			c.consider(limits, now, draining)
		})
	}
}

// pause ends early when a drain begins, or other limits are in force.
func (q *quicServer) pause(d time.Duration) bool {
	begun, replaced := q.s.drain, q.s.limits.Load().replaced
	if q.s.draining() {
		begun = nil
	}
	select {
	case <-time.After(d):
	case <-begun:
	case <-replaced:
	case <-q.ctx.Done():
		return false
	}
	return true
}

// consider applies the limits to a connection.
func (c *quicConn) consider(limits *effectiveLimits, now, draining int64) {
	c.mu.Lock()
	state, idle, age := c.state, c.open == 0, time.Duration(now-c.since)
	leaving, quiet := c.leaving, time.Duration(now-c.quiet)
	c.mu.Unlock()
	bound := limits.bound(state)
	switch {
	case leaving != 0:
		calm := leaveQuiet + 4*c.qc.ConnectionStats().SmoothedRTT
		told := time.Duration(now - leaving)
		if idle && min(age, told) > calm && (quiet > calm || min(age, told) > leaveLimit) {
			go c.close()
		}
	case state == StateNew && bound > 0 && age >= bound:
		c.q.s.counters.TimedOut.Add(1)
		go c.close()
	case idle && bound > 0 && age >= bound:
		c.q.s.counters.TimedOut.Add(1)
		c.leave()
	case draining == 0:
	case state == StateIdle && age >= betweenRequests:
		c.leave()
	case time.Duration(now-max(draining, c.opened)) >= limits.DrainIdle:
		c.leave()
	}
}

func (s *Server) addQUIC(q *quicServer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining() {
		return false
	}
	if s.quic == nil {
		s.quic = map[*quicServer]struct{}{}
	}
	s.quic[q] = struct{}{}
	return true
}

func (s *Server) removeQUIC(q *quicServer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.quic, q)
}

func (s *Server) quicServers() []*quicServer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*quicServer
	for q := range s.quic {
		all = append(all, q)
	}
	return all
}

// drainQUIC ends QUIC without losing a request. Handshakes that have begun are
// finished. Each client is told to leave as soon as it is between requests, and
// after Limits.DrainIdle in any case; its connection is closed when it has left
// or all its responses are through. When ctx ends first, the rest is closed.
func (s *Server) drainQUIC(ctx context.Context) (forced int, err error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, q := range s.quicServers() {
		wg.Go(func() {
			n := q.drain(ctx)
			mu.Lock()
			forced += n
			mu.Unlock()
		})
	}
	wg.Wait()
	if forced > 0 {
		err = fmt.Errorf("drain %s: %d connections closed by force: %w", s.name, forced, context.Cause(ctx))
	}
	return forced, err
}

// drain returns how many connections were closed within a request.
func (q *quicServer) drain(ctx context.Context) (forced int) {
	for !q.vacant() && sleep(ctx, 5*time.Millisecond) {
	}
	forced = q.closeAll()
	<-q.returned
	return forced
}

// vacant says whether nothing is left nor can come any more.
func (q *quicServer) vacant() bool {
	if ticks()-q.s.drainFrom.Load() <= int64(lateGrace) || q.handshakes.Load() > 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.conns) == 0
}

func (q *quicServer) closeAll() (active int) {
	q.each(func(c *quicConn) {
		c.mu.Lock()
		if c.open > 0 {
			active++
		}
		c.mu.Unlock()
		c.cut()
	})
	q.stop()
	return active
}
