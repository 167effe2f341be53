package listener

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// QUICKeys are secrets that all processes serving one address must share: with
// the first a process tells the clients of a lost one that their connection is
// gone, with the second it accepts the address tokens that another gave out.
type QUICKeys struct {
	Reset [32]byte `json:"reset"`
	Token [32]byte `json:"token"`
}

// NewQUICKeys makes random keys.
func NewQUICKeys() QUICKeys {
	var k QUICKeys
	rand.Read(k.Reset[:])
	rand.Read(k.Token[:])
	return k
}

// ServeQUIC serves HTTP/3 from a socket that holds this slot, see
// [PacketSockets], until Drain or Close; it always returns an error,
// ErrServerClosed after those, and leaves the socket open. Connections get the
// TLS of the server's [Transport], which must have one.
//
// Everything holds as for connections over TCP, with these differences. A
// connection is active while at least one of its requests is being answered;
// each request is bounded on its own, as over HTTP/2. ReadBuffer
// and WriteBuffer mean nothing here. KeepAlivePeriod above zero is the time
// between pings, MaxHeaderBytes the limit of a header, of new connections.
// MaxConnections refuses a connection before its handshake, AcceptRate holds it
// back. BytesIn and BytesOut count the payload of UDP packets, up to a quarter
// of a second late.
//
// A connection without any packet for the longer of two minutes and Limits.Idle
// as it was at its beginning, or for as long as the client asks, ends silently.
func (s *Server) ServeQUIC(pc net.PacketConn, slot int, keys QUICKeys) error {
	if slot < 0 || slot >= sockets.MaxPacketSlots {
		return fmt.Errorf("serve %s: slot %d, want 0 to %d", s.name, slot, sockets.MaxPacketSlots-1)
	}
	if s.transport.Load().TLS == nil {
		return fmt.Errorf("serve %s: QUIC needs a certificate", s.name)
	}
	q := &quicServer{s: s, conns: map[uint64]*quicConn{}, turned: map[string]int64{}, returned: make(chan struct{})}
	defer close(q.returned)
	q.ctx, q.stop = context.WithCancel(context.Background())
	defer q.stop()
	if !s.addQUIC(q) {
		return ErrServerClosed
	}
	defer s.removeQUIC(q)
	return q.serve(pc, slot, keys)
}

// quicServer serves one UDP socket.
type quicServer struct {
	s        *Server
	ctx      context.Context // ends when nothing is served any more
	stop     context.CancelFunc
	returned chan struct{} // closed when ServeQUIC returns

	mu    sync.Mutex
	conns map[uint64]*quicConn
	// turned are the addresses refused of late, with when: a handshake that
	// takes several packets is refused several times and counted once.
	turned map[string]int64
	// handshakes are those begun that neither failed nor are in conns yet.
	handshakes atomic.Int64
	// secured is what the server's transport means for QUIC.
	secured atomic.Pointer[secured]
}

type secured struct {
	of     *Transport
	config *tls.Config
}

// tlsConfig is asked for each new connection.
func (q *quicServer) tlsConfig(*tls.ClientHelloInfo) (*tls.Config, error) {
	t, known := q.s.transport.Load(), q.secured.Load()
	if t.TLS == nil {
		return nil, errors.New("no certificate")
	}
	if known == nil || known.of != t {
		known = &secured{t, http3.ConfigureTLSConfig(t.TLS)}
		q.secured.Store(known)
	}
	return known.config, nil
}

// crowd is how many handshakes may be under way before a client must prove its
// address first.
const crowd = 512

func (q *quicServer) serve(pc net.PacketConn, slot int, keys QUICKeys) error {
	reset, token := quic.StatelessResetKey(keys.Reset), quic.TokenGeneratorKey(keys.Token)
	transport := &quic.Transport{
		Conn:                  pc,
		ConnectionIDGenerator: slotIDs(slot),
		StatelessResetKey:     &reset,
		TokenGeneratorKey:     &token,
		ConnContext:           q.admit,
		VerifySourceAddress:   func(net.Addr) bool { return q.handshakes.Load() > crowd },
	}
	defer transport.Close()
	ln, err := transport.Listen(&tls.Config{GetConfigForClient: q.tlsConfig}, &quic.Config{GetConfigForClient: q.configure})
	if err != nil {
		return fmt.Errorf("serve %s: %w", q.s.name, err)
	}
	defer ln.Close()
	go q.sweep()
	for {
		qc, err := ln.Accept(q.ctx)
		if q.ctx.Err() != nil {
			if err == nil {
				qc.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
			}
			return ErrServerClosed
		}
		if err != nil {
			return fmt.Errorf("serve %s: %w", q.s.name, err)
		}
		q.accept(qc)
	}
}

// slotIDs generates connection IDs that lead to a slot: seven bytes, the first
// of which is its number.
type slotIDs byte

func (slot slotIDs) ConnectionIDLen() int { return sockets.ConnectionIDLen }

func (slot slotIDs) GenerateConnectionID() (quic.ConnectionID, error) {
	var id [sockets.ConnectionIDLen]byte
	rand.Read(id[1:])
	id[0] = byte(slot)
	return quic.ConnectionIDFromBytes(id[:]), nil
}

// Bounds of a connection without packets.
const (
	handshakeIdle = 5 * time.Second
	silence       = 2 * time.Minute
	leastPing     = time.Second
)

// configure is asked for each new connection.
func (q *quicServer) configure(*quic.ClientInfo) (*quic.Config, error) {
	limits := q.s.limits.Load()
	c := &quic.Config{
		HandshakeIdleTimeout: handshakeIdle,
		MaxIdleTimeout:       max(silence, limits.Idle),
	}
	if limits.ReadHeader > 0 {
		c.HandshakeIdleTimeout = limits.ReadHeader
	}
	if limits.KeepAlivePeriod > 0 {
		c.KeepAlivePeriod = max(limits.KeepAlivePeriod, leastPing)
	}
	return c, nil
}

var errRefused = errors.New("connection refused")

// handshake stands in the context of a connection whose handshake is counted.
type handshake struct{ over sync.Once }

type handshakeKey struct{}

// admit is asked whether a handshake may begin. While it waits, the packets of
// other new connections do so too, but not those of connections there are.
func (q *quicServer) admit(ctx context.Context, client *quic.ClientInfo) (context.Context, error) {
	if q.full() {
		q.refused(client.RemoteAddr)
		return nil, errRefused
	}
	if from := q.s.drainFrom.Load(); from != 0 && ticks()-from > int64(lateGrace) {
		return nil, errRefused // steered away long ago, or nobody can steer
	}
	select {
	case <-time.After(q.s.place.reserve(q.s.limits.Load().AcceptRate)):
	case <-q.ctx.Done():
		return nil, errRefused
	}
	h := new(handshake)
	q.handshakes.Add(1)
	context.AfterFunc(ctx, func() { h.end(q) })
	return context.WithValue(ctx, handshakeKey{}, h), nil
}

const (
	turnedFor  = time.Second
	turnedMost = 4096
)

func (q *quicServer) refused(client net.Addr) {
	now, from := ticks(), client.String()
	q.mu.Lock()
	defer q.mu.Unlock()
	if at, known := q.turned[from]; known && now-at <= int64(turnedFor) {
		return
	}
	if len(q.turned) >= turnedMost {
		clear(q.turned)
	}
	q.turned[from] = now
	q.s.counters.Refused.Add(1)
}

func (h *handshake) end(q *quicServer) { h.over.Do(func() { q.handshakes.Add(-1) }) }

func (q *quicServer) full() bool { return q.s.place.full(q.s.limits.Load().MaxConnections) }

// accept serves a connection whose handshake is complete.
func (q *quicServer) accept(qc *quic.Conn) {
	if h, ok := qc.Context().Value(handshakeKey{}).(*handshake); ok {
		defer h.end(q) // when it is in the table
	}
	if !q.s.place.enter(q.s.limits.Load().MaxConnections) {
		q.s.counters.Refused.Add(1)
		go qc.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "too many connections")
		return
	}
	c := newQUICConn(q, qc)
	q.mu.Lock()
	q.conns[c.id] = c
	q.mu.Unlock()
	q.s.counters.Accepted.Add(1)
	q.s.counters.enter(StateNew)
	go c.run()
}

func (q *quicServer) remove(c *quicConn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.conns, c.id)
	q.s.place.leave()
}

func (q *quicServer) find(id uint64) *quicConn {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.conns[id]
}

// each calls fn for every open connection, without a lock.
func (q *quicServer) each(fn func(*quicConn)) {
	q.mu.Lock()
	conns := make([]*quicConn, 0, len(q.conns))
	for _, c := range q.conns {
		conns = append(conns, c)
	}
	q.mu.Unlock()
	for _, c := range conns {
		fn(c)
	}
}

// silent is for what http3 would say: it is said here.
var silent = slog.New(slog.DiscardHandler)

func newQUICConn(q *quicServer, qc *quic.Conn) *quicConn {
	now := ticks()
	c := &quicConn{q: q, qc: qc, id: q.s.lastID.Add(1), opened: now, since: now}
	c.streams = &streams{s: q.s, requests: &c.begun, remote: quicPeer{qc}, local: qc.LocalAddr(), last: c.leave, forced: c.forced.Load}
	c.h3 = &http3.Server{
		Handler:        http.HandlerFunc(c.serve),
		MaxHeaderBytes: q.s.limits.Load().MaxHeaderBytes,
		Logger:         silent,
		ConnContext: func(ctx context.Context, _ *quic.Conn) context.Context {
			return context.WithValue(ctx, http.ServerContextKey, q.s.netHTTP) // by which handlers know that they are served
		},
	}
	return c
}

// quicPeer is where a client is now: it may move.
type quicPeer struct{ qc *quic.Conn }

func (p quicPeer) Network() string { return p.qc.RemoteAddr().Network() }
func (p quicPeer) String() string  { return p.qc.RemoteAddr().String() }
