package runtime

import (
	"context"
	"fmt"
	"net"
	"sync"

	"golang.org/x/time/rate"
)

// Listener is a network listener: whatever has these methods can be given to
// [Server.Serve]. A net.Listener is one.
type Listener interface {
	// Accept waits for the next connection.
	Accept() (net.Conn, error)
	// Close ends the listener, and an Accept that waits.
	Close() error
	// Addr is the address listened on.
	Addr() net.Addr
}

// RateLimitedListener accepts so many connections per second; others wait in the
// queue of the kernel.
type RateLimitedListener struct {
	net.Listener
	limiter *rate.Limiter
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
}

// NewRateLimitedListener listens on a TCP address, host:port, and accepts rps
// connections per second, of which as many may come at once.
func NewRateLimitedListener(addr string, rps int) (*RateLimitedListener, error) {
	if rps <= 0 {
		return nil, fmt.Errorf("listen on %s: %d connections per second: want 1 or more", addr, rps)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	l := &RateLimitedListener{Listener: ln, limiter: rate.NewLimiter(rate.Limit(rps), rps)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// Accept waits until the rate allows a connection, and for that connection. It
// returns [net.ErrClosed] after Close.
func (l *RateLimitedListener) Accept() (net.Conn, error) {
	if err := l.limiter.Wait(l.ctx); err != nil {
		return nil, fmt.Errorf("accept on %s: %w", l.Addr(), net.ErrClosed)
	}
	return l.Listener.Accept()
}

// Close ends the listener, and whoever waits in Accept.
func (l *RateLimitedListener) Close() error {
	l.cancel()
	return l.Listener.Close()
}

// LimitedListener lets so many of its connections be open at once. Accept waits
// while they are.
type LimitedListener struct {
	net.Listener
	places    chan struct{}
	closeOnce sync.Once
	closed    chan struct{}
}

// NewLimitedListener bounds the open connections of a listener; most is 1 or
// more. It closes ln when it is closed itself.
func NewLimitedListener(ln net.Listener, most int) *LimitedListener {
	return &LimitedListener{Listener: ln, places: make(chan struct{}, max(most, 1)), closed: make(chan struct{})}
}

// Accept waits until there is room for a connection, and for that connection. It
// returns [net.ErrClosed] after Close.
func (l *LimitedListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, fmt.Errorf("accept on %s: %w", l.Addr(), net.ErrClosed)
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &placedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close ends the listener, and whoever waits in Accept. Open connections stay.
func (l *LimitedListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// placedConn gives its place back when it is closed.
type placedConn struct {
	net.Conn
	leave func()
}

// NetConn is the connection that has the place.
func (c *placedConn) NetConn() net.Conn { return c.Conn }

func (c *placedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
