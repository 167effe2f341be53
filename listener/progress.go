package listener

import "time"

// progress is what the sweeper knows of the bytes that a client owes in one
// direction: those of a request body that is waited for, or those of a response
// that it has to take.
type progress struct {
	begun  bool
	looked int64   // when it was looked at last; 0 if nothing was owed then
	moved  int64   // since when there has been no progress
	bytes  uint64  // that had gone through by then
	debt   float64 // bytes missing for the least rate; below zero is in advance
}

// late tells whether a client that owes bytes has made no progress for the bound
// or is slower than the least rate. bytes counts those that have gone through.
//
// What is missing for the rate is judged when something comes, so that a pause is
// a matter of the bound alone. What came faster counts in advance, for as long as
// the bound permits a pause: who was fast once may not trickle ever after.
func (p *progress) late(limits *Limits, now int64, bytes uint64, bound time.Duration) bool {
	switch {
	case !p.begun:
		*p = progress{begun: true, looked: now, moved: now, bytes: bytes}
	case p.looked == 0:
		p.looked, p.moved = now, now
	}
	rate, progress := float64(limits.MinRate), bytes != p.bytes
	advance := rate * max(bound, limits.MinRateGrace).Seconds()
	p.debt += rate*time.Duration(now-p.looked).Seconds() - float64(bytes-p.bytes)
	p.debt = max(p.debt, -advance)
	p.looked, p.bytes = now, bytes
	if progress {
		p.moved = now
	}
	if bound > 0 && time.Duration(now-p.moved) >= bound {
		return true
	}
	return rate > 0 && (progress || bound == 0) && p.debt > rate*limits.MinRateGrace.Seconds()
}

// rest is called while the client owes nothing: that time does not count.
func (p *progress) rest() { p.looked = 0 }

// Timeouts replace those of a server's [Limits] for one request. Nil is as the
// server has it, zero is no limit.
type Timeouts struct {
	Read, Write, Request, Response *time.Duration
	// MinRate in bytes a second.
	MinRate *int
}

// SetTimeouts has other timeouts hold for the request of x, until its end; nil
// takes that back. t must not be changed afterwards.
func SetTimeouts(x Exchange, t *Timeouts) {
	if o, ok := x.(interface{ setTimeouts(*Timeouts) }); ok {
		o.setTimeouts(t)
	}
}

// under are the limits with what holds for one request.
func (l *Limits) under(t *Timeouts) *Limits {
	if t == nil {
		return l
	}
	own := *l
	for _, d := range []struct{ to, from *time.Duration }{
		{&own.Read, t.Read}, {&own.Write, t.Write}, {&own.Request, t.Request}, {&own.Response, t.Response},
	} {
		if d.from != nil {
			*d.to = *d.from
		}
	}
	if t.MinRate != nil {
		own.MinRate = *t.MinRate
	}
	return &own
}

// paces are the progress on a connection that carries one request at a time. They
// are the sweeper's alone.
type paces struct {
	request    uint64 // whose they are
	pull, push progress
}

// askEvery is how often the system is asked what a client has taken, a system
// call each time; more often where the bound is short.
const askEvery = time.Second

// considerRequest evicts or ends a connection whose request or response is late.
func (w *sweeper) considerRequest(c *conn, p phase, limits *Limits, now int64) {
	limits = limits.under(c.timeouts.Load())
	whole := limits.Request
	if p.state() == StateResponse {
		whole = limits.Response
	}
	if whole > 0 && p.age(now) >= whole {
		w.expire(c, p, now)
		return
	}
	if c.owned.Load() || p.state() == StateHeader {
		return
	}
	if nth := c.requests.Load(); nth != c.paces.request {
		c.paces = paces{request: nth}
	}
	if !c.reading.Load() {
		c.paces.pull.rest()
	} else if c.paces.pull.late(limits, now, c.in.Load(), limits.Read) {
		w.expire(c, p, now)
		return
	}
	every := askEvery
	if limits.Write > 0 {
		every = min(every, limits.Write/8)
	}
	switch push := &c.paces.push; {
	case !c.waitsToWrite():
		push.rest()
	case push.looked != 0 && time.Duration(now-push.looked) < every:
	default:
		taken := c.takenOut()
		if !taken.owing {
			push.rest()
		} else if push.late(limits, now, taken.bytes, limits.Write) {
			w.expire(c, p, now)
		}
	}
}

// expire evicts a connection within a request whose time is over.
func (w *sweeper) expire(c *conn, p phase, now int64) {
	c.evictedAt = now
	c.evict(p, evictOverdue)
}

// waitsToWrite reports whether a write may be waiting for the client.
func (c *conn) waitsToWrite() bool { return c.writing.Load() || c.io != nil && c.io.Full() }

// lateFault is whose fault it is that a response took too long.
func (c *conn) lateFault() Fault {
	if c.waitsToWrite() || c.reading.Load() {
		return FaultClient
	}
	return FaultServer
}

// taken is how much of a response has reached the client.
type taken struct {
	bytes uint64
	owing bool // some has not
}

// takenOut asks the system, or takes for taken what has been written.
func (c *conn) takenOut() taken {
	if t, ok := takenOf(c.tcp); ok {
		return t
	}
	return taken{bytes: c.out.Load(), owing: true}
}
