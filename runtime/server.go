package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

var (
	// ErrServerStarted is returned by a second Listen or Serve of one Server.
	ErrServerStarted = errors.New("the server was started already")
	// ErrServerClosed is returned by Listen or Serve after Shutdown or Close.
	ErrServerClosed = errors.New("the server is closed")
)

// Server is one listener of an App and what serves it. [Server.NewServer] makes
// one, Listen, ListenTLS, ListenQUIC or Serve start it, once. It has the routes of
// the App, or those of its own [Server.Router].
type Server struct {
	app    *App
	name   string
	config ServerConfig
	worker atomic.Pointer[serving.Service] // what serves it in this process, if that is a worker

	mu       sync.Mutex
	started  bool
	ended    bool
	routes   *routeTable         // of its own; nil for those of the App
	managed  *endpoints.Listener // nil until it serves
	protocol string

	end termination // by Shutdown or Close
}

func (p *program) newServer(name string, c ServerConfig) *Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &Server{app: p.app, name: name, config: c, end: termination{done: make(chan struct{})}}
	if p.servers[name] == nil {
		p.servers[name] = s
	}
	return s
}

// NewServer makes another server of the same App. It begins to serve with
// Listen, ListenTLS, ListenQUIC or Serve, which report what is wrong with c.
func (s *Server) NewServer(c ServerConfig) *Server {
	p := s.app.program
	name := c.Name
	if name == "" {
		p.mu.Lock()
		p.made++
		name = fmt.Sprintf("server-%d", p.made)
		p.mu.Unlock()
	}
	return p.newServer(name, c)
}

// Router holds routes of this server alone. From the first call on the server has
// these instead of those of [App.Router], whose middleware it has not either: an
// admin port and a public one seldom have a route in common. It panics when the
// server has started.
func (s *Server) Router() *Router {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.routes == nil {
		if s.started || s.worker.Load() != nil {
			panic("runtime: Server.Router comes after the server was started: call it before")
		}
		s.routes = newRouteTable(s.app.log)
	}
	return s.routes.root
}

// table has the routes of the server.
func (s *Server) table() *routeTable {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.routes != nil {
		return s.routes
	}
	return s.app.program.routes
}

// isDistinct reports whether the server has something that other servers of the
// program have not, and that a config cannot say.
func (s *Server) isDistinct() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.routes != nil || s.config.TLS != nil
}

// Name of the server's listener.
func (s *Server) Name() string { return s.name }

// Listen serves addr until the server is shut down, and then returns nil. addr
// is host:port; empty means ServerConfig.Address, or else ":8080". SIGINT and
// SIGTERM shut the App down, with all its servers, as they do in [App.Start].
//
// In a worker process it does not return; see [App.Start].
func (s *Server) Listen(addr string) error { return s.ListenContext(context.Background(), addr) }

// ListenContext is Listen until ctx ends, too: then the server is shut down within
// its ShutdownTimeout, and nil returned.
func (s *Server) ListenContext(ctx context.Context, addr string) error {
	return s.run(ctx, addr, "http", s.config.TLSCertFile, s.config.TLSKeyFile, nil)
}

// ListenTLS is Listen with TLS; the files are PEM, and empty names mean those of
// ServerConfig, or ServerConfig.TLS. The protocol is HTTP/2, with HTTP/1.1 for
// clients that speak no other.
func (s *Server) ListenTLS(addr, certFile, keyFile string) error {
	return s.ListenTLSContext(context.Background(), addr, certFile, keyFile)
}

// ListenTLSContext is ListenTLS until ctx ends, as [Server.ListenContext] is.
func (s *Server) ListenTLSContext(ctx context.Context, addr, certFile, keyFile string) error {
	return s.secure(ctx, addr, "http2", certFile, keyFile)
}

// ListenQUIC is ListenTLS with HTTP/3 over QUIC, on a UDP port.
func (s *Server) ListenQUIC(addr, certFile, keyFile string) error {
	return s.ListenQUICContext(context.Background(), addr, certFile, keyFile)
}

// ListenQUICContext is ListenQUIC until ctx ends, as [Server.ListenContext] is.
func (s *Server) ListenQUICContext(ctx context.Context, addr, certFile, keyFile string) error {
	return s.secure(ctx, addr, "quic", certFile, keyFile)
}

func (s *Server) secure(ctx context.Context, addr, protocol, certFile, keyFile string) error {
	certFile, keyFile = cmp.Or(certFile, s.config.TLSCertFile), cmp.Or(keyFile, s.config.TLSKeyFile)
	switch own := s.config.TLS != nil; {
	case own && certFile+keyFile != "":
		return fmt.Errorf("listen on %s: set either certificate files or ServerConfig.TLS, not both", addr)
	case !own && (certFile == "" || keyFile == ""):
		return fmt.Errorf("listen on %s: %s needs a certificate: name the files of the certificate and of its key, or set ServerConfig.TLS", addr, protocol)
	}
	return s.run(ctx, addr, protocol, certFile, keyFile, nil)
}

// Serve accepts from a listener that the program made itself, with the same
// counting and limits as any other, until the server is shut down, and then
// returns nil; or until the listener fails, and returns why. It closes ln.
// Worker processes cannot share such a listener.
//
// One that speaks TLS itself, as that of [tls.Listen] does, is served accordingly:
// requests have their TLS state, and a client that negotiated h2 is spoken to in
// HTTP/2. A listener around it must have connections with a method NetConn, as
// crypto/tls has it, that returns the one within.
func (s *Server) Serve(ln net.Listener) error { return s.ServeContext(context.Background(), ln) }

// ServeContext is Serve until ctx ends, too, as [Server.ListenContext] is.
func (s *Server) ServeContext(ctx context.Context, ln net.Listener) error {
	if s.config.EnablePrefork {
		ln.Close()
		return fmt.Errorf("serve %s: worker processes cannot share a listener that the program opened itself: use Listen, or turn prefork off", s.name)
	}
	err := s.run(ctx, "", "http", s.config.TLSCertFile, s.config.TLSKeyFile, ln)
	if err != nil {
		ln.Close() // it may be closed by now
	}
	return err
}

// start is Listen, ListenTLS or ListenQUIC, as the ServerConfig says.
func (s *Server) start(ctx context.Context, addr string) error {
	switch s.config.Protocol {
	case "http2":
		if s.config.TLSCertFile != "" || s.config.TLS != nil {
			return s.ListenTLSContext(ctx, addr, "", "")
		}
	case "quic":
		return s.ListenQUICContext(ctx, addr, "", "")
	}
	return s.ListenContext(ctx, addr)
}

// run serves until the end.
func (s *Server) run(ctx context.Context, addr, protocol, certFile, keyFile string, ln net.Listener) error {
	if err := s.config.check(); err != nil {
		return err
	}
	s.table().freeze()
	if prefork.IsWorker() {
		s.becomeWorker()
	}
	c := s.config
	c.Address, c.Protocol = cmp.Or(addr, c.Address, ":8080"), cmp.Or(c.Protocol, protocol)
	c.TLSCertFile, c.TLSKeyFile = certFile, keyFile
	return s.app.until(ctx, s.Shutdown, func() error { return s.serve(c, ln) })
}

// serve serves by c until the server or the App ends, or until ln fails. ln is the
// listener that the program made itself, nil if it made none.
func (s *Server) serve(c ServerConfig, ln net.Listener) error {
	p := s.app.program
	failed, err := s.claim(ln, &c)
	if err != nil {
		return err
	}
	m, err := p.begin(context.Background(), s.name, c.listener())
	if err != nil {
		s.release()
		return err
	}
	if !s.attach(m) {
		return s.remove(context.Background())
	}
	select {
	case <-s.end.done:
		return nil
	case <-s.app.end.done:
		return nil
	case err := <-failed:
		return s.failedBy(err)
	}
}

// claim takes the server's one start and its name, and keeps the listener that the
// program made itself; ln is nil if it made none.
func (s *Server) claim(ln net.Listener, c *ServerConfig) (failed <-chan error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return nil, ErrServerClosed
	case s.started:
		return nil, ErrServerStarted
	}
	p := s.app.program
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.servers[s.name]; other == nil || other.end.isOver() {
		p.servers[s.name] = s
	}
	if p.servers[s.name] != s {
		return nil, fmt.Errorf("server %q already exists: give this one another ServerConfig.Name", s.name)
	}
	s.started, s.protocol = true, c.Protocol
	if ln == nil {
		return nil, nil
	}
	f := endpoints.NewGiven(s.name, ln)
	p.given[s.name] = &givenListener{Given: f}
	c.Address = "127.0.0.1:0" // what is not a TCP address has no words in a config
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
		c.Address = tcp.String()
	}
	return f.Failed(), nil
}

// release takes a claim back, so that a server that could not start can be started
// again.
func (s *Server) release() {
	s.mu.Lock()
	s.started = false
	s.mu.Unlock()
	p := s.app.program
	p.mu.Lock()
	delete(p.given, s.name)
	p.mu.Unlock()
}

// attach reports false if the server was closed in the meantime.
func (s *Server) attach(m *endpoints.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.managed = m
	return !s.ended
}

// failedBy ends the server whose listener ended by itself. One that is closed
// while the server goes away was closed by it.
func (s *Server) failedBy(err error) error {
	s.mu.Lock()
	ending := s.ended
	s.mu.Unlock()
	if ending || s.app.ctx.Err() != nil {
		select {
		case <-s.end.done:
		case <-s.app.end.done:
		}
		return nil
	}
	s.Shutdown(context.Background())
	return fmt.Errorf("serve %s: %w", s.name, err)
}

// Shutdown refuses new connections, lets requests under way be answered, and
// returns when the last connection is gone. When ctx ends first, what is left is
// closed and the cause of ctx returned. A second call waits for the same end, as
// long as its own context allows. Other servers of the App serve on.
func (s *Server) Shutdown(ctx context.Context) error { return s.end.await(ctx, s.remove) }

// Close ends the server and all its connections at once.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Shutdown(ctx) // its only error is that ctx has ended
	return nil
}

func (s *Server) remove(ctx context.Context) error {
	s.mu.Lock()
	s.ended = true
	m := s.managed
	s.mu.Unlock()
	if m == nil {
		return nil
	}
	err := s.app.program.end(context.Background(), s.name)
	if s.app.ctx.Err() != nil {
		err = nil // the App is being shut down, which ends this server too
	}
	return errors.Join(err, awaitIdle(ctx, m))
}

// cutTimeout is how long connections that were closed by force may clean up.
const cutTimeout = time.Second

// awaitIdle returns when nothing serves or drains any more; at the end of ctx it
// makes that so.
func awaitIdle(ctx context.Context, m *endpoints.Listener) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !m.IsIdle() {
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		m.Cut()
		for over := time.After(cutTimeout); !m.IsIdle(); {
			select {
			case <-tick.C:
			case <-over:
				return ctx.Err()
			}
		}
		return ctx.Err()
	}
	return nil
}

// IsRunning reports whether the server accepts connections.
func (s *Server) IsRunning() bool {
	if prefork.IsWorker() {
		return true
	}
	m := s.present()
	return m != nil && m.Endpoint() != nil
}

// Addr is the address listened on, with the port that was chosen; nil while the
// server is not running.
func (s *Server) Addr() net.Addr {
	if w := s.worker.Load(); w != nil {
		return w.Addr()
	}
	m := s.present()
	if m == nil {
		return nil
	}
	return m.Addr()
}

func (s *Server) present() *endpoints.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.managed
}

// Protocol is "http", "http2" or "quic".
func (s *Server) Protocol() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ToLower(cmp.Or(s.protocol, s.config.Protocol, "http"))
}

// ServerStats are the counts of a server, all its worker processes together.
// The first three are gauges or count up as said; the others count up from the
// server's start.
type ServerStats struct {
	// ActiveConnections are open and within a request, at this moment.
	ActiveConnections int64 `json:"active_connections"`
	// TotalConnections counts every connection ever accepted.
	TotalConnections int64 `json:"total_connections"`
	// IdleConnections are open and between requests, at this moment.
	IdleConnections int64 `json:"idle_connections"`

	// Requests received, and Errors among them: those that failed by our fault
	// or a backend's, which is Failures.Server and Failures.Backend.
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"`
	// Failures are all requests that failed, by whose fault it was.
	Failures FailureStats `json:"failures"`
	// RefusedConnections were answered with 503 because of MaxConnections,
	// TimedOutConnections ended by a timeout.
	RefusedConnections  int64 `json:"refused_connections"`
	TimedOutConnections int64 `json:"timed_out_connections"`
	// BytesIn and BytesOut were read from and written to connections.
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
}

// FailureStats are requests that failed, by whose fault it was. Each is counted
// once.
type FailureStats struct {
	// Client requests were malformed, too large or too slow, or their response
	// was not taken in time.
	Client int64 `json:"client"`
	// Canceled requests lost their client before they were answered whole.
	Canceled int64 `json:"canceled"`
	// Server failures are statuses of 500 and above, panics, and responses that
	// broke off.
	Server int64 `json:"server"`
	// Backend failures are those of a pool's backend, such as a 502.
	Backend int64 `json:"backend"`
}

// Stats counts all workers together, whichever process asks: a worker knows its
// own numbers as they are now, and those of its siblings as they were a twentieth of a
// second ago.
func (s *Server) Stats() ServerStats {
	if w := s.worker.Load(); w != nil {
		return statsOf(w.Board().Totals())
	}
	if m := s.present(); m != nil {
		return statsOf(m.Totals())
	}
	return ServerStats{}
}

func statsOf(t listener.Totals) ServerStats {
	return ServerStats{
		ActiveConnections: int64(t.Active), TotalConnections: int64(t.Accepted), IdleConnections: int64(t.Idle),
		Requests: int64(t.Requests), Errors: int64(t.Errors()),
		Failures: FailureStats{
			Client: int64(t.Failures.Client), Canceled: int64(t.Failures.Canceled),
			Server: int64(t.Failures.Server), Backend: int64(t.Failures.Backend),
		},
		RefusedConnections: int64(t.Refused), TimedOutConnections: int64(t.TimedOut),
		BytesIn: int64(t.BytesIn), BytesOut: int64(t.BytesOut),
	}
}
