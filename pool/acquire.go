package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/internal/spare"
)

// waiter is a request that waits for a permit.
type waiter struct {
	x     *exchange
	ready chan lease // of capacity 1, sent to once
}

// lease is a permit on a backend, with an idle connection if there was one.
type lease struct {
	backend *backend
	conn    *conn
	surplus []*conn // to be closed first, to make room for a new connection
	err     error
}

// acquire returns a connection for the next attempt of x, an idle one or a new
// one. A backend that cannot be connected to is left for the next at once. The
// caller gives the connection back to release.
func (p *Pool) acquire(x *exchange) (*conn, error) {
	for {
		l := p.lend(x)
		if l.err != nil {
			return nil, l.err
		}
		c, err := p.connect(x, l)
		if err == nil {
			c.backend.counters.Active.Add(1)
			return c, nil
		}
		if x.ended() {
			return nil, fmt.Errorf("pool %s: connect to backend %s: %w", x.name, l.backend.name, err)
		}
		x.tried = append(x.tried, l.backend)
		x.err = fmt.Errorf("%w: backend %s: %w", ErrNoBackend, l.backend.name, err)
	}
}

// lend gives x a permit, at once or after its turn in the queue.
func (p *Pool) lend(x *exchange) lease {
	p.mu.Lock()
	x.adopt(&p.config)
	l, busy := p.tryLend(x)
	if l.backend != nil || l.err != nil {
		p.mu.Unlock()
		return l
	}
	w := &waiter{x: x, ready: make(chan lease, 1)}
	e := p.waiters.PushBack(w)
	p.mu.Unlock()

	start := time.Now()
	l = w.wait(start)
	if l.err != nil {
		p.mu.Lock()
		select {
		case l = <-w.ready: // served while giving up
		default:
			p.waiters.Remove(e)
		}
		p.mu.Unlock()
	}
	waitedFor := l.backend
	if waitedFor == nil {
		waitedFor = busy
	}
	waitedFor.counters.WaitCount.Add(1)
	waitedFor.counters.WaitNanos.Add(uint64(time.Since(start)))
	return l
}

// wait waits until w is served, its request ends or has waited long enough.
func (w *waiter) wait(start time.Time) lease {
	if w.x.patience.IsZero() {
		w.x.patience = start.Add(w.x.limits.MaxWait)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		left := time.Until(w.x.patience)
		timer.Reset(min(left, lookEvery))
		select {
		case l := <-w.ready:
			return l
		case <-w.x.done:
			return lease{err: fmt.Errorf("pool %s: wait for a connection: %w", w.x.name, w.x.caller.Err())}
		case <-timer.C:
		}
		switch {
		case left <= lookEvery:
			return lease{err: fmt.Errorf("pool %s: %w for %v", w.x.name, ErrExhausted, w.x.limits.MaxWait)}
		case w.x.gone():
			return lease{err: fmt.Errorf("pool %s: wait for a connection: %w", w.x.name, errClientGone)}
		}
	}
}

// tryLend gives x a permit now, or says why there is none to wait for, or
// returns the backend whose permits are all out. p.mu is held.
func (p *Pool) tryLend(x *exchange) (lease, *backend) {
	if p.closed {
		return lease{err: fmt.Errorf("pool %s: %w", x.name, ErrClosed)}, nil
	}
	b, busy := p.pick(x)
	if b != nil {
		return p.give(x, b), nil
	}
	if busy == nil {
		return lease{err: fmt.Errorf("pool %s: %w", x.name, x.lastError())}, nil
	}
	if p.config.MaxWait == 0 {
		return lease{err: fmt.Errorf("pool %s: %w", x.name, ErrExhausted)}, nil
	}
	return lease{}, busy
}

// give takes a permit of b, which has one left. p.mu is held.
func (p *Pool) give(x *exchange, b *backend) lease {
	if x.uploads() {
		b.uploads++
	}
	if !x.fresh || len(b.idle) == 0 {
		return lease{backend: b, conn: b.take()}
	}
	// A new connection is wanted: the oldest idle one makes room for it.
	b.used++
	return lease{backend: b, surplus: b.shrink(p.room(b))}
}

// serveOne lets the first waiter that can use it have a permit that became
// free. p.mu is held.
func (p *Pool) serveOne() bool {
	for e := p.waiters.Front(); e != nil; e = e.Next() {
		w := e.Value.(*waiter)
		if l, _ := p.tryLend(w.x); l.backend != nil || l.err != nil {
			p.waiters.Remove(e)
			w.ready <- l
			return true
		}
	}
	return false
}

// serveAll serves waiters after permits, backends or their health changed. p.mu
// is held.
func (p *Pool) serveAll() {
	for p.serveOne() {
	}
}

// connect returns the connection of the lease or dials one; if that fails the
// permit is back.
func (p *Pool) connect(x *exchange, l lease) (*conn, error) {
	if l.conn != nil {
		return l.conn, nil
	}
	closeAll(l.surplus)
	c, err := dial(x.caller, l.backend, x.limits.DialTimeout)
	if err != nil && !errors.Is(err, context.Canceled) && !x.ended() {
		p.failed(l.backend, kindOfConnect(err), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		l.backend.succeeded()
		return c, nil
	}
	l.backend.used--
	if x.uploads() {
		l.backend.uploads--
	}
	if !errors.Is(err, context.Canceled) && !x.ended() {
		if !ownFault(err) {
			l.backend.failed(time.Now(), false)
		}
		p.tick()
	}
	p.serveAll()
	return nil, err
}

// errNoDescriptors says that the process has only those left that it needs itself.
var errNoDescriptors = errors.New("out of file descriptors")

// ownFault reports whether a connect failed for want of something in this process,
// which says nothing about the backend.
func ownFault(err error) bool {
	return errors.Is(err, errNoDescriptors) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// dial opens a connection to b.
func dial(ctx context.Context, b *backend, timeout time.Duration) (*conn, error) {
	d := net.Dialer{Timeout: timeout}
	nc, err := d.DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return nil, err
	}
	if spare.FromBackend(nc) {
		nc.Close()
		return nil, errNoDescriptors
	}
	return newConn(nc, b), nil
}

// uploaded is called when the body of a request to b has been sent, or will not
// be.
func (p *Pool) uploaded(b *backend) {
	p.mu.Lock()
	b.uploads--
	p.serveOne()
	p.mu.Unlock()
}

// release takes back a connection that acquire lent, for reuse or to be closed.
func (p *Pool) release(c *conn, reuse bool) {
	b := c.backend
	c.client = nil
	dec(&b.counters.Active)
	if !reuse {
		c.close() // before its permit is free: MaxConns is a promise
	}
	p.mu.Lock()
	b.used--
	if reuse = reuse && b.open() < p.room(b); reuse {
		c.reused, c.since = true, ticks()
		b.idle = append(b.idle, c)
		p.tick()
	}
	p.serveOne()
	p.mu.Unlock()
	if !reuse {
		c.close()
	}
}

// answered notes a response of the backend, which ends a series of failures.
func (p *Pool) answered(b *backend) {
	if b.counters.Failures.Load() == 0 {
		return
	}
	p.mu.Lock()
	b.succeeded()
	p.mu.Unlock()
}
