package listener

import (
	"net"
	"sync/atomic"
	"time"
)

// acceptor is one accept loop.
type acceptor struct {
	ln        net.Listener
	returned  chan struct{}      // closed when it accepts no more
	inherited inheritedKeepAlive // the server's mu serializes changes, see keepAlive
	keepAlive atomic.Pointer[inheritedKeepAlive]
	turns     atomic.Uint64 // counts accepts
	pausing   atomic.Bool   // waits for the accept rate, or after an error
	// seen is what Stuck saw last: turns, and that it should have moved on. The
	// server's mu guards it.
	seen struct {
		turns uint64
		owing bool
	}
}

// Serve accepts connections from ln until Drain or Close, and then returns
// [ErrServerClosed], or until ln fails. It closes ln. Several may run at once.
func (s *Server) Serve(ln net.Listener) error {
	a := &acceptor{ln: ln, returned: make(chan struct{})}
	defer ln.Close()
	if !s.admit(a) {
		return ErrServerClosed
	}
	defer s.dismiss(a)
	var pause backoff
	for s.mayAccept(a) {
		a.turns.Add(1)
		c, err := ln.Accept()
		a.turns.Add(1)
		if err == nil {
			pause = 0
			s.serveCounted(c, s.counterOf(ln), a.keepAlive.Load())
			continue
		}
		if s.isStopped() {
			break
		}
		if !temporary(err) {
			return err
		}
		a.pausing.Store(true)
		s.endure(&pause, err)
		a.pausing.Store(false)
	}
	return ErrServerClosed
}

func (s *Server) admit(a *acceptor) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopped() {
		return false
	}
	s.acceptors[a] = struct{}{}
	a.inherited.begin(a.ln, s.limits.Load().KeepAlivePeriod)
	a.setKeepAlive()
	return true
}

// setKeepAlive makes known what connections inherit from now on.
func (a *acceptor) setKeepAlive() {
	now := a.inherited
	a.keepAlive.Store(&now)
}

func (s *Server) dismiss(a *acceptor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.acceptors, a)
	close(a.returned)
}

func (s *Server) isStopped() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// mayAccept waits until the accept rate allows another connection. A drain
// waits for nothing: the queue must become empty. It says false at the end.
func (s *Server) mayAccept(a *acceptor) bool {
	for !s.draining() {
		limits := s.limits.Load()
		wait := s.place.reserve(limits.AcceptRate)
		if wait <= 0 {
			break
		}
		a.pausing.Store(true)
		defer a.pausing.Store(false)
		select {
		case <-time.After(wait):
			return !s.isStopped()
		case <-limits.replaced:
		case <-s.drain:
		}
		s.place.giveBack(limits.AcceptRate)
	}
	return !s.isStopped()
}

// backoff is the pause after a failed accept.
type backoff time.Duration

// next doubles the pause, from 5 ms to 1 s.
func (b *backoff) next() time.Duration {
	*b = min(max(2*(*b), backoff(5*time.Millisecond)), backoff(time.Second))
	return time.Duration(*b)
}

// temporary errors, as that of too many open files, say nothing against the
// listener.
func temporary(err error) bool {
	t, ok := err.(interface{ Temporary() bool })
	return ok && t.Temporary()
}

// endure pauses; only the first failure in a row is logged.
func (s *Server) endure(pause *backoff, err error) {
	if *pause == 0 {
		s.log.Warn("accept failed, trying again", "error", err)
	}
	select {
	case <-time.After(pause.next()):
	case <-s.stopped:
	}
}

// setKeepAlive sets how often a silent peer is probed.
func setKeepAlive(tcp *net.TCPConn, period time.Duration) {
	switch {
	case tcp == nil || period == 0:
	case period < 0:
		tcp.SetKeepAlive(false)
	default:
		tcp.SetKeepAlive(true)
		tcp.SetKeepAlivePeriod(period)
	}
}

// startKeepAlive is setKeepAlive for a new connection, which has inherited something
// or nothing if inherited is not nil.
func (c *conn) startKeepAlive(limits *Limits, inherited *inheritedKeepAlive) {
	switch {
	case inherited == nil || !inherited.active():
		setKeepAlive(c.tcp, limits.KeepAlivePeriod)
	case !inherited.holds(limits, c.opened):
		c.tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: limits.KeepAlivePeriod >= 0, Idle: limits.KeepAlivePeriod})
	}
}

// maxParting bounds the connections told at one time that there is no room.
const maxParting = 1024

var noRoom = []byte("HTTP/1.1 503 Service Unavailable\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n" +
	"Content-Length: 21\r\n" +
	"Retry-After: 1\r\n" +
	"Connection: close\r\n" +
	"\r\n" +
	"too many connections\n")

// turnAway answers a connection over the limit, beside the accept loop. It was
// counted as parting. Where descriptors are scarce it has none to linger with.
func (s *Server) turnAway(raw net.Conn, scarce bool) {
	s.counters.Refused.Add(1)
	if t := s.transport.Load(); t.TLS != nil || t.HTTP2 || scarce || s.parting.Load() > maxParting {
		if scarce && t.TLS == nil && !t.HTTP2 {
			raw.Write(noRoom) // fits into any socket's buffer, so this does not wait
		}
		raw.Close() // nobody who would read it, or too many
		s.vacate(&s.parting)
		return
	}
	go func() {
		defer s.vacate(&s.parting)
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(lingerTime))
		if _, err := raw.Write(noRoom); err == nil {
			tcp, _ := raw.(*net.TCPConn)
			farewell(tcp)
		}
	}()
}
