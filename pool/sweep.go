package pool

import "time"

// sweepEvery is how often idle connections are looked at, so a connection that
// the backend closed is counted as open for no longer.
const sweepEvery = time.Second

// tick has the next sweep come, if none is due. There is one only while there
// are idle connections or backends that are down. p.mu is held.
func (p *Pool) tick() {
	if !p.ticking && !p.closed {
		p.ticking = true
		p.timer.Reset(sweepEvery)
	}
}

// sweep closes idle connections that are stale or have been so for too long and
// tries backends whose pause has ended.
func (p *Pool) sweep() {
	p.mu.Lock()
	p.ticking = false
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.tasks.Add(1)
	defer p.tasks.Done()
	now := time.Now()
	backends, idleTimeout := p.backends, p.config.IdleTimeout
	var looked [][]*conn
	for _, b := range backends {
		looked = append(looked, b.lendIdle(ticks()))
		p.tryAgain(b, now)
	}
	p.mu.Unlock()

	for i, b := range backends {
		p.returnIdle(b, keepUsable(looked[i], ticks(), idleTimeout), len(looked[i]))
	}
	p.mu.Lock()
	for _, b := range p.backends {
		if len(b.idle) > 0 || b.down() {
			p.tick()
		}
	}
	p.mu.Unlock()
}

// lendIdle takes out the connections that have been idle since the last sweep;
// those in use all the time are not worth a look.
func (b *backend) lendIdle(now int64) []*conn {
	n := 0
	for n < len(b.idle) && now-b.idle[n].since >= int64(sweepEvery/2) {
		n++
	}
	taken := b.shrink(b.open() - n)
	b.away += len(taken)
	return taken
}

// keepUsable closes what is stale or overdue and returns the rest.
func keepUsable(conns []*conn, now int64, idleTimeout time.Duration) []*conn {
	kept := conns[:0]
	for _, c := range conns {
		if idleTimeout > 0 && now-c.since >= int64(idleTimeout) || !c.usable() {
			c.close()
			continue
		}
		kept = append(kept, c)
	}
	return kept
}

// returnIdle puts back what lendIdle took, as the oldest.
func (p *Pool) returnIdle(b *backend, kept []*conn, taken int) {
	if taken == 0 {
		return
	}
	p.mu.Lock()
	b.away -= taken
	b.idle = append(kept, b.idle...)
	surplus := b.shrink(p.room(b))
	p.serveAll()
	p.mu.Unlock()
	closeAll(surplus)
}

// tryAgain connects to a backend whose pause has ended, so that no client has to
// pay for finding out. p.mu is held.
func (p *Pool) tryAgain(b *backend, now time.Time) {
	if !b.down() || b.trying || now.Before(b.downUntil) || p.full(nil, b) {
		return
	}
	b.trying = true
	b.used++
	timeout := p.config.DialTimeout
	p.tasks.Add(1)
	go func() {
		defer p.tasks.Done()
		c, err := dial(p.ctx, b, timeout)
		p.tried(b, c, err)
	}()
}

// tried ends a trial.
func (p *Pool) tried(b *backend, c *conn, err error) {
	if err != nil && p.ctx.Err() == nil {
		p.noticed(b, kindOfConnect(err), err)
	}
	p.mu.Lock()
	b.trying = false
	b.used--
	now := time.Now()
	switch {
	case p.closed && err != nil:
	case err != nil:
		b.failed(now, true)
	default:
		b.succeeded()
		c.since = ticks()
		b.idle = append(b.idle, c)
	}
	surplus := b.shrink(p.room(b))
	p.tick()
	p.serveAll()
	p.mu.Unlock()
	closeAll(surplus)
}
