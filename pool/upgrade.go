package pool

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// switching is a request to leave HTTP for another protocol (RFC 9110, 7.8), as
// WebSocket does, and the tunnel it becomes if the backend agrees.
type switching struct {
	protocols []byte // those the client offers
	reader    *bufio.Reader
	conn      *conn // nil until the backend agrees
}

// maxProtocols bounds the offer in bytes.
const maxProtocols = 256

// offer returns the protocols that the request of ctx would switch to, nil if
// none. An offer may be ignored (RFC 9110, 7.8) and is where RFC 9110 does not
// allow it: in HTTP/1.0, and by a client that does not repeat it in its
// Connection field. So are one of HTTP/2, one that comes with a body, and what
// names no protocols.
func offer(ctx *fasthttp.RequestCtx) (protocols []byte) {
	h := &ctx.Request.Header
	upgrade := h.Peek(fasthttp.HeaderUpgrade)
	if len(upgrade) == 0 || is(upgrade, "h2c") || len(upgrade) > maxProtocols || !protocolNames(upgrade) ||
		!h.IsGet() || !h.IsHTTP11() || ctx.Request.IsBodyStream() || h.ContentLength() > 0 ||
		len(h.PeekAll(fasthttp.HeaderUpgrade)) != 1 || !hasOption(h, "upgrade") {
		return nil
	}
	return upgrade
}

// protocolNames reports whether b is a list of names with versions.
func protocolNames(b []byte) bool {
	for _, c := range b {
		if c != ',' && c != '/' && c != ' ' && !token([]byte{c}) {
			return false
		}
	}
	return true
}

// hasOption reports whether a Connection field has the option.
func hasOption(h *fasthttp.RequestHeader, option string) bool {
	for _, value := range h.PeekAll(fasthttp.HeaderConnection) {
		for name := range bytes.SplitSeq(value, comma) {
			if is(bytes.TrimSpace(name), option) {
				return true
			}
		}
	}
	return false
}

// agreed reports whether the response chooses one of the protocols offered.
func (s *switching) agreed(h *fasthttp.ResponseHeader) bool {
	chosen := h.Peek(fasthttp.HeaderUpgrade)
	if len(chosen) == 0 {
		return false
	}
	for name := range bytes.SplitSeq(s.protocols, comma) {
		if bytes.EqualFold(bytes.TrimSpace(name), chosen) {
			return true
		}
	}
	return false
}

// tunnel answers the client of ctx that the backend has agreed, and passes on
// whatever the two say from then on. The connection to the backend counts as in
// use all the while.
func (p *Pool) tunnel(ctx *fasthttp.RequestCtx, s *switching) {
	answer := switched(&ctx.Response.Header)
	ctx.HijackSetNoResponse(true) // the server hijacks nothing if it cannot send one
	ctx.Hijack(func(client net.Conn) {
		defer p.release(s.conn, false)
		defer returnReader(s.reader)
		s.conn.unbind()
		if _, err := client.Write(answer); err == nil {
			s.pass(client)
		}
	})
}

// switched is the answer of a backend that agrees, for the client.
func switched(h *fasthttp.ResponseHeader) []byte {
	chosen := bytes.Clone(h.Peek(fasthttp.HeaderUpgrade))
	stripResponse(h)
	b := []byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ")
	b = append(append(b, chosen...), crlf...)
	for name, value := range h.All() {
		if hopByHop(name) || is(name, "Content-Length") || is(name, "Trailer") {
			continue
		}
		b = append(append(append(append(b, name...), ": "...), value...), crlf...)
	}
	return append(b, crlf...)
}

// halfOpen is how long one side may still speak when the other has ended.
const halfOpen = 10 * time.Second

// pass copies both ways until both sides have ended, or one has and the other
// does not follow.
func (s *switching) pass(client net.Conn) {
	var both sync.WaitGroup
	both.Go(func() {
		relay(s.conn.Conn, client)
		if half, ok := s.conn.Conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		_ = s.conn.SetReadDeadline(time.Now().Add(halfOpen))
	})
	relay(client, s.reader)
	_ = client.SetReadDeadline(time.Unix(1, 0)) // it is closed when this returns
	_ = s.conn.SetWriteDeadline(time.Unix(1, 0))
	both.Wait()
}

func relay(to io.Writer, from io.Reader) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	_, _ = io.CopyBuffer(onlyWriter{to}, onlyReader{from}, *buf)
}

// onlyReader and onlyWriter keep io.Copy from ways that bypass who counts.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

// upgrade sends the request of ctx, which offers protocols. If the backend agrees
// to one the result has a connection, and a tunnel is to be made of it; else its
// answer is an answer like any other.
func (p *Pool) upgrade(caller context.Context, ctx *fasthttp.RequestCtx, client Client, protocols []byte) *switching {
	s := &switching{protocols: protocols}
	x := lendExchange(caller, &ctx.Request, &ctx.Response)
	defer returnExchange(x)
	x.ctx, x.client, x.switching = ctx, client, s
	p.answer(x)
	return s
}

// tunnelOver is tunnel for a client of net/http.
func (p *Pool) tunnelOver(w http.ResponseWriter, answer []byte, s *switching) {
	defer p.release(s.conn, false)
	defer returnReader(s.reader)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot be switched", http.StatusNotImplemented)
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Time{})
	s.conn.unbind()
	if _, err := conn.Write(answer); err == nil {
		s.pass(readAhead{conn, buffered.Reader})
	}
}

// readAhead is a connection of which a part was read before.
type readAhead struct {
	net.Conn
	r *bufio.Reader
}

func (c readAhead) Read(p []byte) (int, error) { return c.r.Read(p) }
