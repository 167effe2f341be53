package listener

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Transport says what a connection speaks below its requests.
type Transport struct {
	// TLS, if not nil, is required of every connection. The server takes care
	// of the protocols it offers; everything else is as it is set here. It must
	// not be changed any more, but be replaced.
	TLS *tls.Config
	// HTTP2 serves HTTP/2 beside HTTP/1.1: where the client chooses it by ALPN,
	// and without TLS where it begins to speak it, by prior knowledge.
	HTTP2 bool

	// generation grows when clients have to connect anew to speak it.
	generation int
}

// SetTransport replaces the transport for new connections. Open ones keep what
// they agreed on, such as a certificate that is being replaced; but where TLS or
// HTTP2 are switched on or off, they end after the request at hand.
func (s *Server) SetTransport(t Transport) {
	if t.TLS != nil {
		t.TLS = t.TLS.Clone()
		t.TLS.NextProtos = offered(t.HTTP2, t.TLS.NextProtos)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.transport.Load(); old != nil {
		t.generation = old.generation
		if (old.TLS == nil) != (t.TLS == nil) || old.HTTP2 != t.HTTP2 {
			t.generation++
		}
	}
	s.transport.Store(&t)
	s.sweeper.wake()
}

// offered are the protocols of a server in the order of preference. Those that
// are not HTTP stay, such as that by which a certificate is ordered (RFC 8737).
func offered(http2 bool, others []string) []string {
	offer := []string{"http/1.1"}
	if http2 {
		offer = []string{"h2", "http/1.1"}
	}
	for _, name := range others {
		if name != "h2" && name != "http/1.1" {
			offer = append(offer, name)
		}
	}
	return offer
}

type speaks int

const (
	speaksNothing speaks = iota
	speaksHTTP1
	speaksHTTP2
)

// greet finds out what the client speaks. It serves HTTP/2 itself, in the
// background, and closes the connection of a client that speaks nothing known.
func (s *Server) greet(c *conn) speaks {
	t := s.transport.Load()
	c.generation.Store(int64(t.generation))
	found := speaksHTTP1
	c.outer = tlsIn(c.raw)
	switch {
	case c.outer != nil && t.TLS == nil:
		found = c.outerHandshake()
	case t.TLS != nil:
		found = c.handshake(t.TLS)
	case t.HTTP2:
		found = c.sniff()
	}
	switch found {
	case speaksNothing:
		c.linger = c.linger || len(c.early) > 0 // what it sent more would reset the connection
		c.Close()
	case speaksHTTP2:
		s.serveH2(c)
	}
	return found
}

// outdated says whether the client should come again to speak otherwise.
func (c *conn) outdated() bool {
	return c.generation.Load() != int64(c.s.transport.Load().generation)
}

// handshake is bounded as the wait for the first byte is.
func (c *conn) handshake(config *tls.Config) speaks {
	session := tls.Server(underTLS{c}, config)
	if err := session.Handshake(); err != nil {
		c.s.log.Debug("TLS handshake failed", "peer", c.RemoteAddr(), "error", err)
		c.explainTLS(err)
		return speaksNothing
	}
	c.tls = session
	if session.ConnectionState().NegotiatedProtocol == "h2" {
		return speaksHTTP2
	}
	return speaksHTTP1
}

// tlsIn finds the TLS session that a listener of the program's own has begun,
// also behind wrappers that tell what they wrap.
func tlsIn(nc net.Conn) *tls.Conn {
	for {
		if session, ok := nc.(*tls.Conn); ok {
			return session
		}
		wrapper, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		nc = wrapper.NetConn()
	}
}

// outerHandshake completes the handshake of such a session. What is read and
// written above it is in clear for us; the client speaks what it negotiated.
func (c *conn) outerHandshake() speaks {
	if err := c.outer.Handshake(); err != nil {
		c.s.log.Debug("TLS handshake failed", "peer", c.RemoteAddr(), "error", err)
		return speaksNothing
	}
	if c.outer.ConnectionState().NegotiatedProtocol == "h2" {
		return speaksHTTP2
	}
	return speaksHTTP1
}

// session is the TLS of the connection; nil for cleartext.
func (c *conn) session() *tls.Conn {
	if c.tls != nil {
		return c.tls
	}
	return c.outer
}

var notTLS = []byte("HTTP/1.1 400 Bad Request\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n" +
	"Content-Length: 29\r\n" +
	"Connection: close\r\n" +
	"\r\n" +
	"this port speaks https only\r\n")

// explainTLS answers a client that spoke HTTP where TLS is due.
func (c *conn) explainTLS(err error) {
	header := tls.RecordHeaderError{}
	if !errors.As(err, &header) || !letters(header.RecordHeader[:3]) {
		return
	}
	c.raw.SetWriteDeadline(time.Now().Add(lingerTime))
	if _, err := c.raw.Write(notTLS); err == nil {
		c.linger = true
	}
}

func letters(p []byte) bool {
	for _, b := range p {
		if b < 'A' || b > 'Z' {
			return false
		}
	}
	return true
}

var preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

// sniff tells HTTP/2 by the first bytes, which no request of HTTP/1.1 has, and
// that by a method and what can begin a target. It reads as much as that takes.
func (c *conn) sniff() speaks {
	buf := make([]byte, 0, len(preface))
	for len(buf) < cap(buf) {
		n, err := c.readWire(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		c.early = buf
		if found, sure := recognize(buf); sure {
			return found
		}
		if err != nil {
			return speaksNothing
		}
	}
	return speaksNothing
}

// recognize is not sure as long as more bytes could change its mind.
func recognize(p []byte) (found speaks, sure bool) {
	if bytes.HasPrefix(preface, p) {
		return speaksHTTP2, len(p) == len(preface)
	}
	p = bytes.TrimLeft(p, "\r\n")
	method, target, spaced := bytes.Cut(p, []byte(" "))
	switch {
	case !letters(method):
		return speaksHTTP1, true // to be refused in its terms
	case !spaced || len(target) == 0:
		return speaksNothing, false
	case target[0] == '/' || target[0] == '*' || target[0]|0x20 == 'h':
		return speaksHTTP1, true
	}
	return speaksNothing, true
}

// underTLS is a connection below its TLS session. A read that ends by an eviction ends
// in a timeout, which a session survives.
type underTLS struct{ c *conn }

func (w underTLS) Read(p []byte) (int, error) {
	n, err := w.c.readWire(p)
	if err == io.EOF && w.c.now().reason() != evictNone || w.c.parked.Load() && err != nil {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func (w underTLS) Write(p []byte) (int, error)        { return w.c.writeWire(p) }
func (w underTLS) Close() error                       { return w.c.raw.Close() }
func (w underTLS) LocalAddr() net.Addr                { return w.c.raw.LocalAddr() }
func (w underTLS) RemoteAddr() net.Addr               { return w.c.raw.RemoteAddr() }
func (w underTLS) SetDeadline(t time.Time) error      { return w.c.raw.SetDeadline(t) }
func (w underTLS) SetReadDeadline(t time.Time) error  { return w.c.raw.SetReadDeadline(t) }
func (w underTLS) SetWriteDeadline(t time.Time) error { return w.c.raw.SetWriteDeadline(t) }

// tlsConn is a connection with TLS in the eyes of an engine, which tells by its
// methods.
type tlsConn struct{ *conn }

// Handshake was done before any engine saw the connection.
func (c *tlsConn) Handshake() error { return nil }

// ConnectionState is that of the session.
func (c *tlsConn) ConnectionState() tls.ConnectionState { return c.session().ConnectionState() }

// view is what an engine of HTTP/1.1 gets to see.
func (c *conn) view() net.Conn {
	if c.session() != nil {
		return &tlsConn{c}
	}
	return c
}

func connIn(nc net.Conn) *conn {
	if c, ok := nc.(*tlsConn); ok {
		return c.conn
	}
	return nc.(*conn)
}
