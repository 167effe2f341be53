package listener

import (
	"errors"
	"os"
	"time"
)

// park lets a connection wait for its next request with as little as the system
// allows: without an engine and, where it can be, without a goroutine. It is
// called by the goroutine that serves the connection, which then ends.
func (s *Server) park(c *conn) {
	if c.movable() && c.clean() {
		s.handOver(c)
		return
	}
	if !s.idlePoller.add(c) {
		go s.parkUntilReadable(c) // on a stack that no engine has made grow
		return
	}
	// Who evicts or kills a connection looks at resting afterwards, and this
	// looks at both after resting was set: one of the two sees it.
	if c.now().reason() != evictNone || c.killed.Load() {
		s.wake(c)
	}
}

// wake starts a goroutine for a connection that rests, and says whether it was
// one. It may be called for nothing.
func (s *Server) wake(c *conn) bool {
	if !c.resting.CompareAndSwap(true, false) {
		return false
	}
	go s.resume(c)
	return true
}

// resume is the goroutine of a connection that rested.
func (s *Server) resume(c *conn) {
	defer s.recovered(c)
	s.idlePoller.remove(c)
	switch state := readable(c.tcp); {
	case c.movable() && c.clean() && state != isClosed:
		s.handOver(c)
	case state == isReadable:
		s.unpark(c, true)
	case state == isClosed, c.onInterrupt(os.ErrDeadlineExceeded) != nil:
		s.unpark(c, false)
	default:
		s.park(c)
	}
}

// parkUntilReadable is the goroutine of a parked connection where none can rest.
func (s *Server) parkUntilReadable(c *conn) {
	defer s.recovered(c)
	for {
		err := waitReadable(c.tcp)
		if err == nil {
			s.unpark(c, true)
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && c.movable() && c.clean() {
			c.raw.SetReadDeadline(time.Time{})
			s.handOver(c)
			return
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.onInterrupt(err) != nil {
			s.unpark(c, false)
			return
		}
	}
}

// readiness is what a look at a socket gives.
type readiness uint8

const (
	isQuiet readiness = iota
	isReadable
	isClosed
)

func (s *Server) unpark(c *conn, serve bool) {
	c.parked.Store(false)
	if c.io != nil {
		c.io.Forget()
	}
	switch {
	case serve && c.greeted:
		s.serveHTTP1(c)
		return
	case serve:
		s.serve(c)
		return
	}
	c.Close()
}
