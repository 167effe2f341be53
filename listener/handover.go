package listener

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// TransferState is what one process tells the next of a connection that it hands over.
type TransferState struct {
	// Opened is when the connection was accepted, Since when it last became idle.
	Opened time.Time `json:"opened"`
	Since  time.Time `json:"since"`
	// Requests begun on it so far; none means that it has sent nothing yet.
	Requests uint64 `json:"requests"`
	// BytesIn and BytesOut were read from and written to it so far.
	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`
}

// SendConn hands a connection to another process, in whose hands it is as soon as
// done is called without an error. It must not block; done may be called by any
// goroutine, once.
type SendConn func(c net.Conn, h TransferState, done func(error))

// ErrFull is returned by [Server.AcceptConn] when one more would be too many.
var ErrFull = errors.New("max_connections is reached")

var errNotClear = errors.New("cleartext connections are no longer served")

// HandOver has a Drain hand over, instead of closing, the connections that are
// between two requests, or get there: those of HTTP/1.1 in clear of which nothing
// was read that is not answered. What a client has sent since then waits in the
// kernel for whoever gets it. A connection that nobody takes is treated as
// without HandOver. It must be called before Drain.
func (s *Server) HandOver(give SendConn) {
	s.transfers.window = make(chan struct{}, transferWindow)
	s.transfers.send.Store(&give)
}

// AcceptConn takes over a connection that another process hands over; it counts as
// open, but not as accepted. It is not touched until settle is called: with true
// it is served, with false it is closed.
func (s *Server) AcceptConn(raw net.Conn, h TransferState) (settle func(bool), err error) {
	n := s.open.Add(1)
	switch limits := s.limits.Load(); {
	case n <= 0 || s.draining():
		err = ErrServerClosed
	case s.transport.Load().TLS != nil:
		err = errNotClear
	case limits.MaxConnections > 0 && n > int64(limits.MaxConnections):
		err = ErrFull
	default:
		s.place.take() // who hands it over still counts it, too
		return func(taken bool) { s.settleTransfer(raw, h, taken) }, nil
	}
	s.vacate(&s.open)
	return nil, err
}

func (s *Server) settleTransfer(raw net.Conn, h TransferState, taken bool) {
	if !taken {
		raw.Close()
		s.place.leave()
		s.vacate(&s.open)
		return
	}
	c := newConn(s, raw)
	c.live = s.live
	c.live.Began()
	c.requests.Store(h.Requests)
	c.in.Store(h.BytesIn)
	c.out.Store(h.BytesOut)
	c.opened = ticksOf(h.Opened, c.opened)
	since := ticksOf(h.Since, c.opened)
	state := StateNew
	if h.Requests > 0 {
		state, c.greeted = StateIdle, true
		c.generation.Store(int64(s.transport.Load().generation))
	} else {
		s.fresh.Add(1)
	}
	c.phase.Store(uint64(newPhase(state, since)))
	c.parked.Store(true)
	s.counters.enter(state)
	s.conns.add(c)
	setKeepAlive(c.tcp, s.limits.Load().KeepAlivePeriod)
	s.sweeper.begin()
	if c.tcp == nil {
		c.parked.Store(false)
		go s.serve(c)
		return
	}
	s.park(c)
}

// oldest bounds what is believed of a connection's age.
const oldest = 366 * 24 * time.Hour

// ticksOf is a time that another process told, otherwise if it cannot be.
func ticksOf(t time.Time, otherwise int64) int64 {
	age := time.Since(t)
	if t.IsZero() || age < 0 || age > oldest {
		return otherwise
	}
	return ticks() - int64(age)
}

// movable says whether the connection goes to another process once it is between
// two requests.
// Only who serves it may ask.
func (c *conn) movable() bool {
	return c.mayMove() && c.tls == nil && !c.last && !c.outdated()
}

// mayMove is movable as far as the sweeper can tell.
func (c *conn) mayMove() bool {
	return c.s.draining() && c.s.transfers.send.Load() != nil && c.tcp != nil && !c.stays.Load() &&
		c.mux.Load() == nil && c.s.transport.Load().TLS == nil && c.s.limits.Load().KeepAlive
}

// clean says whether nothing was read that is not answered. The caller serves
// the connection, or nobody does.
func (c *conn) clean() bool {
	return !c.now().state().Active() && c.framing.state == framingStart && c.framing.refused == 0 &&
		len(c.early) == 0 && len(c.replay) == 0 && len(c.held) == 0 && (c.greeted || c.in.Load() == 0)
}

// leaves lets the engine go if the connection is to be handed over.
func (c *conn) leaves() bool {
	if !c.s.draining() || !c.movable() || !c.clean() {
		return false
	}
	c.parked.Store(true)
	return true
}

// transferQueue hands over the connections of a server that drains. The zero value is
// ready; it has a goroutine while there is something to move.
type transferQueue struct {
	send   atomic.Pointer[SendConn]
	window chan struct{} // holds a token for each on its way; made by HandOver
	stuck  bool          // nobody takes any; of move

	mu      sync.Mutex
	queue   []*conn
	running bool
}

const (
	// transferWindow is how many connections are on their way at a time.
	transferWindow = 64
	// transferTimeout is how long nobody may take one of those until the others
	// stay where they are.
	transferTimeout = time.Second
)

// handOver queues a parked connection that nobody else holds.
func (s *Server) handOver(c *conn) {
	c.moving.Store(true)
	c.cancelEviction()
	m := &s.transfers
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, c)
	if !m.running {
		m.running = true
		go s.move()
	}
}

// move gives away what is queued, until nothing is.
func (s *Server) move() {
	for batch := s.transfers.take(); len(batch) > 0; batch = s.transfers.take() {
		for _, c := range batch {
			if !s.transfers.enter() {
				s.keep(c)
				continue
			}
			s.sendConn(c)
		}
	}
}

// enter waits until one more may be on its way.
func (m *transferQueue) enter() bool {
	patience := transferTimeout
	if m.stuck {
		patience = 0
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case m.window <- struct{}{}:
		m.stuck = false
	case <-late.C:
		m.stuck = true
	}
	return !m.stuck
}

func (m *transferQueue) take() (batch []*conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	batch, m.queue = m.queue, nil
	m.running = len(batch) > 0
	return batch
}

func (s *Server) sendConn(c *conn) {
	h := TransferState{
		Opened: timeOf(c.opened), Since: timeOf(c.now().since()),
		Requests: c.requests.Load(), BytesIn: c.in.Load(), BytesOut: c.out.Load(),
	}
	(*s.transfers.send.Load())(c.raw, h, func(err error) {
		<-s.transfers.window
		if err != nil {
			s.keep(c)
			return
		}
		c.transferred()
	})
}

// keep serves on a connection that nobody takes, until its next response.
func (s *Server) keep(c *conn) {
	c.stays.Store(true)
	c.cancelEviction()
	c.moving.Store(false)
	go s.park(c)
}

// cancelEviction drops what the sweeper wanted before it was told to leave c alone.
func (c *conn) cancelEviction() {
	for p := c.now(); p.reason() != evictNone && p.state() != StateClosing; p = c.now() {
		c.swap(p, p.with(evictNone))
	}
}

// transferred lets go of a connection that somebody else has.
func (c *conn) transferred() {
	old := phase(c.phase.Swap(uint64(newPhase(StateClosing, ticks()))))
	c.raw.Close() // of the descriptor, not of the connection
	if old.state() != StateClosing {
		c.s.remove(c, old.state())
	}
}
