package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/routes"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// settings are all that a process needs to know to serve a listener. The master
// sends them to workers as JSON, and uses them itself where there are none.
type settings struct {
	Name     string          `json:"name"`
	Listener config.Listener `json:"listener"`
	// Pools that the listener's routes name.
	Pools map[string]config.Pool `json:"pools,omitempty"`
	// Cells are the places of backends on the scoreboard, by "pool/backend".
	Cells map[string]int `json:"cells,omitempty"`
	// TLS is nil where the listener has none.
	TLS *certs.Material `json:"tls,omitempty"`
	// Board is the layout of the scoreboard, and BoardFormat that of its directory,
	// for a master that adopts the worker.
	Board       string `json:"board,omitempty"`
	BoardFormat int    `json:"board_format,omitempty"`
	// QUIC is set for workers that serve it.
	QUIC *listener.QUICKeys `json:"quic,omitempty"`
}

func (s settings) encode() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic("runtime: settings do not marshal: " + err.Error()) // plain data always does
	}
	return data
}

const protocolQUIC = "quic"

// Slots of a QUIC endpoint: the master itself serves one of its own, so that it
// and its workers never read from the same socket while one takes over from the
// other.
const (
	localSlot   = 0
	workerSlots = 1 // and above
)

// service serves one listener in one process: a worker, or the master itself.
type service struct {
	name   string
	board  *scoreboard.Board
	server *listener.Server
	log    *slog.Logger
	faults failureLog               // of backends
	at     atomic.Pointer[net.Addr] // where it accepts; nil before
	grace  atomic.Pointer[grace]    // of its drain in this process; nil before
	code   *program                 // routes that the program registered, beside those of the config; may be nil

	// mu serializes changes of what follows.
	mu     sync.Mutex
	pools  map[string]*lender
	limits listener.Limits
}

// lender is a pool and what it was configured by.
type lender struct {
	*pool.Pool
	config pool.Config
}

// newService starts with no routes; the first update brings them. shared is what
// the processes of the listener share, nil if there is one only; live is the
// kernel's count of its slot, if any; alone says that serving is all this process
// does.
func newService(name string, b *scoreboard.Board, shared *admission, live *sockets.Counter, alone bool, log *slog.Logger) *service {
	return &service{
		name: name, board: b, log: log, faults: failureLog{log: log}, pools: map[string]*lender{},
		server: listener.NewServer(listener.ServerConfig{
			Name: name, Counters: b.Listener, Place: shared.place(b), SlotCounter: live, Tidy: alone, ErrorLog: log,
		}),
	}
}

// update puts settings into effect, for open connections too. An error leaves
// everything as it was.
func (s *service) update(to settings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	transport, err := transportOf(to, s.code.tlsFor(s))
	if err != nil {
		return err
	}
	pools, undo, err := s.preparePools(to)
	if err != nil {
		return err
	}
	router, err := routes.Build(to.Listener.Routes, routes.Site{
		Pool:   func(name string) *pool.Pool { return pools[name].Pool },
		Totals: s.board.Totals,
	})
	if err == nil {
		err = s.code.register(router, s)
	}
	if err != nil {
		undo()
		return err
	}
	s.server.SetTransport(transport)
	s.limits = limitsOf(to.Listener)
	s.server.SetLimits(s.limits)
	s.server.SetNetHTTP(router.WantsNetHTTP())
	s.server.SetHandler(s.announcing(to.Listener, router.Serve))
	s.retire(pools)
	return nil
}

// preparePools returns the pools of to, made anew where needed and brought up
// to date where they exist. undo takes that back.
func (s *service) preparePools(to settings) (pools map[string]*lender, undo func(), err error) {
	pools = map[string]*lender{}
	var undos []func()
	undo = func() {
		for _, f := range undos {
			f()
		}
	}
	for name, c := range to.Pools {
		want := poolConfig(name, c, to.Cells, s.board)
		want.OnFailure = s.faults.of(name)
		if p := s.pools[name]; p != nil {
			if err := p.Update(want); err != nil {
				undo()
				return nil, nil, fmt.Errorf("pool %s: %w", name, err)
			}
			undos = append(undos, func() { p.Update(p.config) }) // was valid a moment ago
			pools[name] = &lender{p.Pool, want}
			continue
		}
		p, err := pool.New(want)
		if err != nil {
			undo()
			return nil, nil, fmt.Errorf("pool %s: %w", name, err)
		}
		undos = append(undos, func() { p.Close() })
		pools[name] = &lender{p, want}
	}
	return pools, undo, nil
}

// poolGrace is how long a removed pool still lends: a request may have been
// routed to it the moment before.
const poolGrace = 5 * time.Second

// retire swaps in the new pools and closes those that no route uses any more.
func (s *service) retire(pools map[string]*lender) {
	for name, old := range s.pools {
		if pools[name] == nil {
			time.AfterFunc(poolGrace, func() { old.Close() })
		}
	}
	s.pools = pools
}

// serve accepts from ln in the background until the service drains.
func (s *service) serve(ln net.Listener) {
	at := ln.Addr()
	s.at.Store(&at)
	s.board.Accepting.Add(1)
	go func() {
		defer s.board.Accepting.Add(-1)
		if err := s.server.Serve(ln); err != nil && !errors.Is(err, listener.ErrServerClosed) {
			s.log.Error("accepting ended", "listener", s.name, "error", err)
		}
	}()
}

// serveQUIC serves a UDP socket in the background until the service drains.
func (s *service) serveQUIC(pc net.PacketConn, slot int, keys listener.QUICKeys) {
	at := pc.LocalAddr()
	s.at.Store(&at)
	s.board.Accepting.Add(1)
	go func() {
		defer s.board.Accepting.Add(-1)
		defer pc.Close()
		if err := s.server.ServeQUIC(pc, slot, keys); err != nil && !errors.Is(err, listener.ErrServerClosed) {
			s.log.Error("serving ended", "listener", s.name, "error", err)
		}
	}()
}

// announcing adds Alt-Svc to the responses of a listener with TLS over TCP.
func (s *service) announcing(c config.Listener, h listener.Handler) listener.Handler {
	if c.TLS == nil || c.Protocol == protocolQUIC {
		return h
	}
	return func(x listener.Exchange) {
		value := s.board.AltSvc()
		if value == "" {
			h(x)
			return
		}
		x.SetHeader("Alt-Svc", value)
		h(x)
		if _, whole := listener.FastHTTP(x); whole {
			x.SetHeader("Alt-Svc", value) // a proxied response has replaced all headers
		}
	}
}

// addr is where the service accepts, nil before it does.
func (s *service) addr() net.Addr {
	if at := s.at.Load(); at != nil {
		return *at
	}
	return nil
}

// handOver has a drain that is to come give connections away.
func (s *service) handOver(give prefork.SendConn) {
	s.server.HandOver(func(c net.Conn, h listener.Handed, done func(error)) {
		about, err := json.Marshal(h)
		if err != nil {
			done(err)
			return
		}
		give(c, about, func(err error) {
			if err == nil {
				s.board.Drain.Moved.Add(1)
			}
			done(err)
		})
	})
}

// adopt takes over what another process gives away.
func (s *service) adopt(c net.Conn, about []byte) (settle func(bool), err error) {
	var h listener.Handed
	if err := json.Unmarshal(about, &h); err != nil {
		return nil, fmt.Errorf("take over a connection: %w", err)
	}
	return s.server.Adopt(c, h)
}

// drain ends the service without losing a request; see listener.Server.Drain.
// lastDrainIdle is how long an idle connection may still send a request where
// nobody serves the listener afterwards: what is on its way arrives, and what comes
// later would have nobody to answer it either.
const lastDrainIdle = 20 * time.Millisecond

// drainsLast tells that the drain that is to come ends the listener.
func (s *service) drainsLast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits.DrainIdle = lastDrainIdle
	s.server.SetLimits(s.limits)
}

func (s *service) drain(ctx context.Context) {
	s.board.BeginDrain()
	forced, err := s.server.Drain(ctx)
	if s.board.EndDrain(forced); err != nil {
		s.log.Warn("drain", "listener", s.name, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pools {
		p.Close()
	}
	s.pools = nil
}

// discard ends a service that never served.
func (s *service) discard() {
	for _, p := range s.pools {
		p.Close()
	}
	s.pools = nil
	s.server.Close()
}

// drainTimeout is how long connections may finish; a config of zero sets no bound.
func drainTimeout(s settings) time.Duration {
	if d := time.Duration(s.Listener.Timeouts.Shutdown); d > 0 {
		return d
	}
	return 365 * 24 * time.Hour
}

// limitsOf translates the config of a listener.
func limitsOf(c config.Listener) listener.Limits {
	return listener.Limits{
		Read:            time.Duration(c.Timeouts.Read),
		ReadHeader:      time.Duration(c.Timeouts.ReadHeader),
		Write:           time.Duration(c.Timeouts.Write),
		Request:         time.Duration(c.Timeouts.Request),
		Response:        time.Duration(c.Timeouts.Response),
		MinRate:         int(c.Limits.MinRate.Rate),
		MinRateGrace:    time.Duration(c.Limits.MinRate.Grace),
		Idle:            time.Duration(c.Timeouts.Idle),
		KeepAlive:       c.KeepAlive.Enabled,
		KeepAlivePeriod: time.Duration(c.KeepAlive.Period),
		MaxIdle:         c.KeepAlive.MaxConns,
		ReadBuffer:      int(c.Buffers.Read),
		WriteBuffer:     int(c.Buffers.Write),
		MaxHeaderBytes:  int(c.Limits.MaxHeaderBytes),
		MaxConnections:  c.Limits.MaxConnections,
		MaxRequestBytes: int64(c.Limits.MaxRequestBytes),
		AcceptRate:      c.Limits.AcceptRate,
	}
}

func poolConfig(name string, c config.Pool, cells map[string]int, b *scoreboard.Board) pool.Config {
	out := pool.Config{
		Name: name, Balance: c.Balance, MaxConns: c.MaxConns,
		MaxWait:     time.Duration(c.MaxWait),
		IdleTimeout: time.Duration(c.IdleTimeout),
		DialTimeout: time.Duration(c.DialTimeout),
		ReadTimeout: time.Duration(c.ReadTimeout), MaxHeaderBytes: int(c.MaxHeaderBytes),
	}
	for _, backend := range sortedKeys(c.Backends) {
		v := c.Backends[backend]
		out.Backends = append(out.Backends, pool.BackendConfig{
			Name: backend, URL: v.URL, Weight: v.Weight,
			Counters: &b.Backends[cells[name+"/"+backend]],
		})
	}
	return out
}
