package listener

import (
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/internal/spare"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// ErrServerClosed is returned by [Server.Serve] after Drain or Close.
var ErrServerClosed = errors.New("server is closed")

// ServerConfig is what a [Server] is made of.
type ServerConfig struct {
	// Name of the endpoint, for the log.
	Name string
	// Handler answers requests; without one they are answered with 404.
	Handler Handler
	// Limits to begin with.
	Limits Limits
	// Transport to begin with; HTTP/1.1 in clear by default.
	Transport Transport
	// Counters to count into, such as those in shared memory; nil for its own.
	// No other Server counts into them meanwhile, and the gauges begin at zero.
	Counters *Counters
	// Place is this server's share in an [Admission], by which the limits hold for
	// several servers together; the zero value for limits of its own.
	Place Place
	// SlotCounter is the kernel's count of the slot that this server accepts from, see
	// [sockets.OpenCounter]; nil if nobody counts. Slots of [sockets.Sockets] have
	// their own.
	SlotCounter *sockets.Counter
	// Tidy collects garbage and gives memory back to the system when a wave of
	// connections has come to rest. It is for a process that does nothing but
	// serve: a collection costs in proportion to the whole heap.
	Tidy bool
	// ErrorLog gets what goes wrong; nil for slog.Default().
	ErrorLog *slog.Logger
}

// Server serves the connections of one endpoint. It is ready when made and used
// up after Drain or Close.
type Server struct {
	name     string
	log      *slog.Logger
	counters *Counters
	live     *sockets.Counter
	tidy     bool
	handler  atomic.Pointer[Handler]
	// wantsNetHTTP says which requests netHTTP has to serve; nil for none.
	wantsNetHTTP atomic.Pointer[func(Exchange) bool]
	netHTTP      *http.Server
	limits       atomic.Pointer[effectiveLimits]
	transport    atomic.Pointer[Transport]
	place        Place

	conns  table
	lastID atomic.Uint64
	// open counts connections in the table, parting those that are only told
	// to go away. open is far below zero once nothing more is let in.
	open, parting atomic.Int64
	fresh         atomic.Int64 // connections that have sent nothing yet
	sweeper       sweeper
	idlePoller    idlePoller    // connections that wait without an engine
	transfers     transferQueue // hands connections over during a drain

	// drainFrom is when the drain began, in ticks; 0 before.
	drainFrom atomic.Int64
	drain     chan struct{} // closed when it begins
	vacated   chan struct{} // receives when open or parting has become zero

	// mu guards acceptors, quic and stopped, and serializes SetLimits.
	mu        sync.Mutex
	quic      map[*quicServer]struct{}
	acceptors map[*acceptor]struct{}
	stopped   chan struct{} // closed when accepting must end
}

// full is added to open to keep everyone out.
const full = math.MinInt64 / 2

// NewServer makes a server that serves nothing yet.
func NewServer(cfg ServerConfig) *Server {
	s := &Server{
		name: cfg.Name, log: cfg.ErrorLog, counters: cfg.Counters, live: cfg.SlotCounter, tidy: cfg.Tidy,
		place:     cfg.Place,
		drain:     make(chan struct{}),
		vacated:   make(chan struct{}, 1),
		acceptors: map[*acceptor]struct{}{},
		stopped:   make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.log = s.log.With("listener", cfg.Name)
	if s.place.Admission == nil {
		s.place, _ = new(Admission).Occupy(nil)
	}
	if s.counters == nil {
		s.counters = new(Counters)
	}
	s.netHTTP = newNetHTTP(s)
	s.sweeper.init(s)
	s.SetHandler(cfg.Handler)
	s.SetLimits(cfg.Limits)
	s.SetTransport(cfg.Transport)
	return s
}

// SetHandler replaces the handler, from the next request on.
func (s *Server) SetHandler(h Handler) {
	if h == nil {
		h = func(x Exchange) { x.SetStatus(statusNotFound) }
	}
	s.handler.Store(&h)
}

// Counters are where the server counts.
func (s *Server) Counters() *Counters { return s.counters }

// SetLimits replaces the limits, also for open connections.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &effectiveLimits{Limits: l.withDefaults(), replaced: make(chan struct{})}
	old := s.limits.Load()
	if old != nil && old.buffers() == next.buffers() {
		next.engine = old.engine
	} else {
		next.engine = newH1(s, next.buffers())
	}
	s.limits.Store(next)
	if old == nil {
		return
	}
	close(old.replaced)
	s.sweeper.wake()
	if old.KeepAlivePeriod != next.KeepAlivePeriod {
		for a := range s.acceptors {
			a.inherited.set(next.KeepAlivePeriod)
			a.setKeepAlive()
		}
		s.conns.each(func(c *conn) { setKeepAlive(c.tcp, next.KeepAlivePeriod) })
	}
}

// ServeConn serves one connection that was accepted elsewhere. It does not
// block, and takes the connection over in any case: one that is over the limit
// or comes after the end is closed.
func (s *Server) ServeConn(raw net.Conn) {
	s.live.Began()
	s.serveCounted(raw, s.live, nil)
}

// serveCounted serves a connection that the kernel has counted in live, and that
// has inherited how it is probed unless inherited is nil.
func (s *Server) serveCounted(raw net.Conn, live *sockets.Counter, inherited *inheritedKeepAlive) {
	limits := s.limits.Load()
	n := s.open.Add(1)
	if n <= 0 {
		s.vacate(&s.open)
		live.Ended()
		raw.Close()
		return
	}
	full := !s.place.enter(limits.MaxConnections)
	if scarce := spare.FromClient(raw); full || scarce {
		if !full {
			s.place.leave()
		}
		s.parting.Add(1)
		live.Ended()
		s.vacate(&s.open)
		s.turnAway(raw, scarce)
		return
	}
	c := newConn(s, raw)
	c.live = live
	s.counters.Accepted.Add(1)
	s.counters.enter(StateNew)
	s.fresh.Add(1)
	s.conns.add(c)
	c.startKeepAlive(&limits.Limits, inherited)
	s.sweeper.begin()
	go s.serve(c)
}

// counterOf is where the kernel counts what ln accepts.
func (s *Server) counterOf(ln net.Listener) *sockets.Counter {
	if c, ok := sockets.CounterOf(ln); ok {
		return c
	}
	return s.live
}

// serve is the goroutine of a connection, until it is closed or hijacked.
func (s *Server) serve(c *conn) {
	defer s.recovered(c)
	switch {
	case s.greet(c) == speaksHTTP1:
		c.greeted = true
		s.serveHTTP1(c)
	case c.parked.Load():
		s.park(c)
	}
}

func (s *Server) serveHTTP1(c *conn) {
	s.limits.Load().engine.serve(c)
	if c.parked.Load() {
		c.exchange = h1Exchange{} // lets go of what the engine answered last
		s.park(c)
	}
}

// recovered keeps a panic of the engine from ending more than its connection.
// The engine recovers those of handlers and body streams itself.
func (s *Server) recovered(c *conn) {
	r := recover()
	if r == nil {
		return
	}
	s.panicked(c, r)
	c.blame(FaultServer)
	c.parked.Store(false)
	c.Close()
}

func (s *Server) panicked(c *conn, reason any) { s.panickedFor(c.RemoteAddr(), reason) }

func (s *Server) panickedFor(peer net.Addr, reason any) {
	s.log.Error("panic while serving a request", "peer", peer, "panic", reason, "stack", string(debug.Stack()))
}

// remove takes a closed connection out of the table and the gauges.
func (s *Server) remove(c *conn, was State) {
	s.conns.remove(c)
	c.live.Ended()
	s.counters.leave(was)
	if was == StateNew {
		s.fresh.Add(-1)
	}
	s.place.leave()
	s.vacate(&s.open)
}

func (s *Server) vacate(n *atomic.Int64) {
	if left := n.Add(-1); left == 0 || left == full {
		s.signalVacant()
	}
}

func (s *Server) signalVacant() {
	select {
	case s.vacated <- struct{}{}:
	default:
	}
}

// manyIdle says whether as many connections wait for another request as may, not
// counting so many of those.
func (s *Server) manyIdle(limit int, less int64) bool {
	if limit <= 0 {
		return false
	}
	return s.between()+s.place.idleOfOthers()-less >= int64(limit)
}

// tellIdle tells the servers of the same admission how many wait here.
func (s *Server) tellIdle() {
	if s.limits.Load().MaxIdle > 0 {
		s.place.own().idle.Store(s.between())
	}
}

// between is the number of connections that wait for another request.
func (s *Server) between() int64 { return int64(s.counters.Idle.Load()) - s.fresh.Load() }

func (s *Server) draining() bool { return s.drainFrom.Load() != 0 }
