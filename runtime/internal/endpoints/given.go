package endpoints

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
)

// Sockets are what an endpoint accepts from: those of an address, or a listener
// that the program made itself.
type Sockets interface {
	prefork.Sockets
	// Addr is where they accept.
	Addr() net.Addr
	// Slots is how many there are.
	Slots() int
	// Quiesce returns when no connection arrives any more that nobody accepts.
	Quiesce() error
	Close() error
}

var (
	_ Sockets = (*sockets.Sockets)(nil)
	_ Sockets = (*Given)(nil)
)

// Given is a listener that the program made itself. There is one slot, and
// nobody else can borrow it.
type Given struct {
	ln   net.Listener
	name string

	closed   atomic.Bool // by the runtime, before ln is
	failOnce sync.Once
	failed   chan error
}

// NewGiven gives ln to the listener of that name.
func NewGiven(name string, ln net.Listener) *Given {
	return &Given{ln: ln, name: name, failed: make(chan error, 1)}
}

// Failed receives why accepting ended by itself, once.
func (g *Given) Failed() <-chan error { return g.failed }

// Accept remembers why the listener failed.
func (g *Given) Accept() (net.Conn, error) {
	c, err := g.ln.Accept()
	if err == nil {
		return c, nil
	}
	if t, ok := err.(interface{ Temporary() bool }); !g.closed.Load() && (!ok || !t.Temporary()) {
		g.failOnce.Do(func() { g.failed <- err })
	}
	return nil, err
}

// Addr is that of the listener, whatever network it is of.
func (g *Given) Addr() net.Addr { return g.ln.Addr() }

// Listener is the given one itself: it closes what it stands for.
func (g *Given) Listener(int) (net.Listener, error) { return g, nil }

// File is an error: no other process can have it.
func (g *Given) File(int) (*os.File, error) {
	return nil, fmt.Errorf("listener %s was opened by the program itself, so worker processes cannot share it: serve it without prefork", g.name)
}

// Steer does nothing: there is one slot.
func (g *Given) Steer([]int) error { return nil }

// Steering is always the same.
func (g *Given) Steering() string { return sockets.SteerShared }

// Slots is 1.
func (g *Given) Slots() int { return 1 }

// Quiesce does nothing.
func (g *Given) Quiesce() error { return nil }

// Close may come after the server has closed the listener already.
func (g *Given) Close() error {
	g.closed.Store(true)
	if err := g.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
