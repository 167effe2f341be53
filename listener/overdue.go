package listener

import "time"

// Overdue counts connections by what would end them.
type Overdue struct {
	Idle   int `json:"idle"`   // waiting for a request for longer than Idle
	Active int `json:"active"` // within a request for longer than Request, or Response
}

// Overdue counts the connections that next would end at once, were they the limits.
// What has made no progress for too long is not among them: for how long that was
// is known only when it matters.
func (s *Server) Overdue(next Limits) (n Overdue) {
	now := ticks()
	s.conns.each(func(c *conn) {
		if m := c.mux.Load(); m != nil && m.streams.overdue(&next, now) {
			n.Active++
			return
		}
		p, limits := c.now(), next.under(c.timeouts.Load())
		var bound time.Duration
		switch p.state() {
		case StateHeader, StateBody:
			bound = limits.Request
		case StateResponse:
			bound = limits.Response
		case StateIdle:
			if next.Idle > 0 && p.age(now) > next.Idle {
				n.Idle++
			}
		}
		if bound > 0 && p.age(now) > bound {
			n.Active++
		}
	})
	for _, q := range s.quicServers() {
		q.each(func(c *quicConn) {
			c.mu.Lock()
			state, age := c.state, time.Duration(now-c.since)
			c.mu.Unlock()
			switch {
			case c.streams.overdue(&next, now):
				n.Active++
			case state == StateIdle && next.Idle > 0 && age > next.Idle:
				n.Idle++
			}
		})
	}
	return n
}

// overdue says whether one of the open requests would be ended.
func (m *streams) overdue(next *Limits, now int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for x := range m.open {
		limits, bound, age := next.under(x.timeouts.Load()), time.Duration(0), time.Duration(now-x.started)
		if bound = limits.Request; x.bodyRead.Load() {
			bound, age = limits.Response, time.Duration(now-x.since.Load())
		}
		if bound > 0 && age > bound {
			return true
		}
	}
	return false
}
