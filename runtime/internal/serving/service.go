// Package serving serves one listener in one process: a worker, or the master
// itself where a listener has no workers.
//
// A [Service] does it, by [Settings] that can be replaced while it runs: routes,
// pools, limits and certificates change for open connections too, or not at all.
// The master uses it directly; a worker is a Service at the end of a prefork link,
// which brings its settings ([RunWorker]). What a process counts lies on a
// scoreboard that outlives it, and limits that hold for all processes of a listener
// together lie in an [Admission].
//
// Routes in Go come by a [Program]; for a listener of the config alone it is nil.
package serving

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/routes"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// Program is what Go code gives to one listener of its own.
type Program interface {
	// Register adds the program's routes to those of the config. s is what will
	// serve them.
	Register(r *routes.Router, s *Service) error
	// TLS is what the program has for the listener, nil if nothing.
	TLS() *tls.Config
	// Command starts the program again, as a worker of the listener.
	Command() *exec.Cmd
}

// Service serves one listener in one process: a worker, or the master itself.
type Service struct {
	name     string
	board    *scoreboard.Board
	server   *listener.Server
	log      *slog.Logger
	program  Program                  // may be nil
	failures failureLog               // of backends
	at       atomic.Pointer[net.Addr] // where it accepts; nil before
	deadline atomic.Pointer[deadline] // of its drain in this process; nil before

	// mu serializes changes of what follows.
	mu     sync.Mutex
	pools  map[string]*lender
	limits listener.Limits
}

// Config is what a Service needs beside its settings.
type Config struct {
	// Name of the listener.
	Name string
	// Board is what the Service counts on.
	Board *scoreboard.Board
	// Admission is what all processes of the listener share; nil if this is the only
	// one.
	Admission *Admission
	// Slot is the kernel's count of the slot served; nil if there is none.
	Slot *sockets.Counter
	// Dedicated says that serving is all this process does.
	Dedicated bool
	// Program of the listener; nil if its routes are those of the config alone.
	Program Program
	Log     *slog.Logger
}

// New makes a Service without routes; the first Update brings them.
func New(c Config) *Service {
	return &Service{
		name: c.Name, board: c.Board, program: c.Program, log: c.Log,
		failures: failureLog{log: c.Log}, pools: map[string]*lender{},
		server: listener.NewServer(listener.ServerConfig{
			Name: c.Name, Counters: c.Board.Listener, Place: c.Admission.place(c.Board),
			SlotCounter: c.Slot, Tidy: c.Dedicated, ErrorLog: c.Log,
		}),
	}
}

// Check reports, without touching anything that runs, what would make settings fail
// in the processes that serve by them. It looks at directories that are served,
// which may take time.
func Check(to Settings, p Program, log *slog.Logger) error {
	s := New(Config{Name: to.Name, Board: scoreboard.New(), Program: p, Log: log})
	defer s.Discard()
	return s.Update(to)
}

// Update puts settings into effect, for open connections too. An error leaves
// everything as it was.
func (s *Service) Update(to Settings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	transport, err := transportOf(to, s.program)
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
	if err == nil && s.program != nil {
		err = s.program.Register(router, s)
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

// Serve accepts from ln in the background until the service drains.
func (s *Service) Serve(ln net.Listener) {
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

// ServeQUIC serves a UDP socket in the background until the service drains. slot is the
// number of the socket, keys are those that all processes of the endpoint share.
func (s *Service) ServeQUIC(pc net.PacketConn, slot int, keys listener.QUICKeys) {
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

// Addr is where the service accepts, nil before it does.
func (s *Service) Addr() net.Addr {
	if at := s.at.Load(); at != nil {
		return *at
	}
	return nil
}

// Board is what the Service counts on.
func (s *Service) Board() *scoreboard.Board { return s.board }

// HandOver has the next drain give connections away.
func (s *Service) HandOver(send prefork.SendConn) {
	s.server.HandOver(func(c net.Conn, h listener.TransferState, done func(error)) {
		about, err := json.Marshal(h)
		if err != nil {
			done(err)
			return
		}
		send(c, about, func(err error) {
			if err == nil {
				s.board.Drain.Moved.Add(1)
			}
			done(err)
		})
	})
}

// AcceptConn takes over a connection that another process gives away. settle is to
// be told whether it was given.
func (s *Service) AcceptConn(c net.Conn, about []byte) (settle func(bool), err error) {
	var h listener.TransferState
	if err := json.Unmarshal(about, &h); err != nil {
		return nil, fmt.Errorf("take over a connection: %w", err)
	}
	return s.server.AcceptConn(c, h)
}

// Connections lists the open connections in the terms of the control plane. worker
// is the number of the worker that this process is, 0 for the master.
func (s *Service) Connections(worker int) []control.Connection {
	infos := s.server.Connections(nil)
	out := make([]control.Connection, len(infos))
	for i, c := range infos {
		out[i] = control.Connection{
			Listener: s.name, Worker: worker, ID: c.ID, Peer: c.Peer, State: stateWord(c.State),
			Since: c.Since, Opened: c.Opened, Requests: c.Requests,
			BytesIn: c.BytesIn, BytesOut: c.BytesOut,
			Protocol: c.Protocol, Request: c.Request,
		}
	}
	return out
}

func stateWord(s listener.State) string {
	if s.Active() {
		return "active"
	}
	return "idle"
}

// Overdue counts the connections that would end at once by the limits of another
// config of the listener.
func (s *Service) Overdue(to config.Listener) listener.Overdue { return s.server.Overdue(limitsOf(to)) }

// Close ends all connections at once.
func (s *Service) Close() { s.server.Close() }

// Discard ends a Service that never served.
func (s *Service) Discard() {
	for _, p := range s.pools {
		p.Close()
	}
	s.pools = nil
	s.server.Close()
}
