package listener

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	sweepEvery = 250 * time.Millisecond
	drainEvery = 20 * time.Millisecond
	// lookAfter is how long a connection is idle when it is looked at for an end
	// that came with the last request, of which nobody else is told.
	lookAfter = 50 * time.Millisecond
	// parkAfter is how long a connection keeps its buffers while idle.
	parkAfter = time.Second
	// patience is how long an eviction may stay unanswered.
	patience = time.Second
	// overdueTimeout is that where a timeout is over: with two sweeps around it,
	// what is overdue has ended within a second.
	overdueTimeout = 500 * time.Millisecond
)

// sweeper looks after the timeouts of a server's connections: it compares how
// long each has been in its state with the limits in force, and evicts those
// that have overstayed. It rests while there are no connections.
type sweeper struct {
	s       *Server
	start   sync.Once
	resting atomic.Bool
	signal  chan struct{}
	end     chan struct{} // closed by the server when it is done
	endOnce sync.Once
	tidy    tidier
}

func (w *sweeper) init(s *Server) {
	w.s = s
	w.signal = make(chan struct{}, 1)
	w.end = make(chan struct{})
}

// begin is called after a connection was added.
func (w *sweeper) begin() {
	w.start.Do(func() { go w.run() })
	if w.resting.Load() {
		w.wake()
	}
}

// wake makes it look at once.
func (w *sweeper) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

func (w *sweeper) stop() { w.endOnce.Do(func() { close(w.end) }) }

func (w *sweeper) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		// Who adds a connection looks at resting after counting it, and this
		// looks at the count after setting resting: one of the two sees it.
		w.resting.Store(true)
		if w.s.open.Load() > 0 {
			w.resting.Store(false)
			timer.Reset(w.interval())
		} else {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-w.signal:
		case <-w.end:
			return
		}
		w.resting.Store(false)
		w.look()
	}
}

func (w *sweeper) interval() time.Duration {
	if w.s.draining() {
		return drainEvery
	}
	return sweepEvery
}

func (w *sweeper) look() {
	limits, now := w.s.limits.Load(), ticks()
	w.s.tellIdle()
	w.s.conns.each(func(c *conn) { w.consider(c, limits, now) })
	if w.s.tidy {
		w.tidy.look(now)
	}
}

func (w *sweeper) consider(c *conn, limits *effectiveLimits, now int64) {
	if m := c.mux.Load(); m != nil {
		m.sweep(limits, now)
		if w.s.draining() || c.outdated() {
			m.depart()
		}
	}
	if c.moving.Load() {
		return
	}
	p := c.now()
	if p.reason() != evictNone {
		w.enforce(c, p, limits, now)
		return
	}
	c.evictedAt = 0
	switch p.state() {
	case StateHeader, StateBody, StateResponse:
		w.considerRequest(c, p, &limits.Limits, now)
	}
	switch bound := limits.bound(p.state()); {
	case bound > 0 && p.age(now) >= bound:
		c.evictedAt = now
		c.evict(p, evictOverdue)
	case p.state().Active():
	case c.outdated() && p.state() == StateIdle:
		c.evict(p, evictLeave)
	case c.mayMove():
		c.evict(p, evictPark)
	case w.s.draining() && p.state() != StateNew && now-max(p.since(), w.s.drainFrom.Load()) >= int64(limits.DrainIdle):
		c.evict(p, evictLeave)
	case p.state() == StateIdle && p.age(now) >= lookAfter && c.leftUnheard(p):
		c.evict(p, evictLeave)
	case p.age(now) >= parkAfter && c.parkable():
		c.evict(p, evictPark)
		w.tidy.parked++
	}
}

// leftUnheard says whether the client had ended its side when the connection
// became idle, or has since. It looks once.
func (c *conn) leftUnheard(p phase) bool {
	if !canTellGone || c.tcp == nil || c.looked == p.since() || c.parked.Load() || c.mux.Load() != nil {
		return false
	}
	c.looked = p.since()
	return ended(c.tcp)
}

// enforce closes a connection whose goroutine did not answer the eviction because
// it is not reading or writing at all.
func (w *sweeper) enforce(c *conn, p phase, limits *effectiveLimits, now int64) {
	if c.evictedAt == 0 {
		c.evictedAt = now
	}
	unanswered := time.Duration(now - c.evictedAt)
	switch p.state() {
	case StateClosing, StateHijacked:
	case StateBody:
		// Busy without reading: that is the handler's time, bounded by Response.
		response := limits.under(c.timeouts.Load()).Response
		if response > 0 && unanswered > response {
			c.kill()
		}
	case StateResponse:
		c.kill()
	default:
		if unanswered > p.reason().delay() {
			c.kill()
		}
	}
}

func (c evictReason) delay() time.Duration {
	if c == evictOverdue {
		return overdueTimeout
	}
	return patience
}

// evict wakes the goroutine that serves c, if it still is in the phase seen.
func (c *conn) evict(p phase, why evictReason) {
	if !c.swap(p, p.with(why)) || c.s.wake(c) {
		return
	}
	switch {
	case p.state() == StateResponse:
		c.s.counters.TimedOut.Add(1)
		fault := c.lateFault()
		c.blame(fault)
		if fault == FaultClient {
			c.discard()
		}
		c.raw.SetDeadline(past)
		return
	case p.state() == StateBody && c.waitsToWrite():
		c.s.counters.TimedOut.Add(1)
		c.blame(FaultClient)
		c.discard()
		c.kill()
		return
	}
	c.raw.SetReadDeadline(past)
}

var past = time.Unix(1, 0)
