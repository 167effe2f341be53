package listener

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/echterhof/rockstar-tui/internal/httpsyntax"
)

// Handlers of net/http are promised what net/http does, to the letter. So from
// the first request for one of them on, a connection of HTTP/1.1 is served by the
// engine of net/http itself, until it rests; the parser of request framing, the
// clocks and the limits stay the connection's.

// SetNetHTTP tells the server which requests of HTTP/1.1 need the engine of
// net/http. wants is asked with a request of which only the header has arrived;
// nil stands for none. Behind the first of them a connection gives [NetHTTP] to
// every handler, until it has been idle for a while.
func (s *Server) SetNetHTTP(wants func(Exchange) bool) {
	if wants == nil {
		s.wantsNetHTTP.Store(nil)
		return
	}
	s.wantsNetHTTP.Store(&wants)
}

// switchEngine prepares to serve a request, and the connection from then on, by
// the engine of net/http. The present engine sees a request without a body, so
// that it neither reads nor asks for what follows the header.
func (c *conn) switchEngine(h *fasthttp.RequestHeader, ctx *fasthttp.RequestCtx) bool {
	wants := c.s.wantsNetHTTP.Load()
	if wants == nil {
		return false
	}
	c.exchange.ctx = ctx
	if !(*wants)(&c.exchange) {
		return false
	}
	c.replay = fmt.Appendf(nil, "%s %s %s\r\n%s", h.Method(), h.RequestURI(), h.Protocol(), h.RawHeaders())
	if len(h.RawHeaders()) == 0 {
		c.replay = append(c.replay, "\r\n"...)
	}
	c.released = make(chan struct{})
	h.SetContentLength(0)
	h.Del(fasthttp.HeaderExpect)
	return true
}

// release has the present engine send what it still has to send and let go of the
// connection.
func (c *conn) release(ctx *fasthttp.RequestCtx) {
	c.exchange = h1Exchange{}
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(nc net.Conn) {
		c.dry = true // what is read now is what the engine has read too much
		rest, _ := io.ReadAll(nc)
		c.dry = false
		c.replay = append(c.replay, c.takeBack(rest)...)
		c.letGo = true
	})
}

// takeBack keeps the byte for itself that was let through although no request
// begins with it: the engine of net/http needs none to answer, and behind an
// upgrade it belongs to who took the connection over.
func (c *conn) takeBack(p []byte) []byte {
	if c.framing.refused == 0 || c.framing.begun() || len(p) == 0 {
		return p
	}
	last := len(p) - 1
	c.held = append([]byte{p[last]}, c.held...)
	return p[:last]
}

// newNetHTTP makes the engine of net/http. Its clocks and limits are turned off.
func newNetHTTP(s *Server) *http.Server {
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Context().Value(netH1Key{}).(*netH1).ServeHTTP(w, r)
		}),
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, netH1Key{}, nc)
		},
		ConnState:      func(nc net.Conn, state http.ConnState) { nc.(*netH1).stateChanged(state) },
		MaxHeaderBytes: math.MaxInt32,
		ErrorLog:       log.New(debugWriter{s}, "", 0),
		Protocols:      new(http.Protocols),

		DisableGeneralOptionsHandler: true,
	}
	srv.Protocols.SetHTTP1(true)
	return srv
}

type netH1Key struct{}

// netH1 is a connection of HTTP/1.1 in the hands of net/http's engine: what that
// reads and writes, and the handler that it calls.
type netH1 struct {
	*conn
	streams

	handling atomic.Bool
	taken    atomic.Bool // hijacked
	request  *http.Request
	tlsState *tls.ConnectionState // of all its requests; nil in clear
	done     chan struct{}        // closed when the engine is done with the connection

	// mu guards which deadlines are not the sweeper's.
	mu            sync.Mutex
	reads, writes bool
}

// serveNetHTTP serves c by the engine of net/http. It returns when c is closed,
// hijacked or parked.
func (s *Server) serveNetHTTP(c *conn) {
	n := &netH1{conn: c, done: make(chan struct{})}
	n.streams = streams{s: s, requests: &c.requests, remote: c.RemoteAddr(), local: c.LocalAddr(), one: n}
	if session := c.session(); session != nil {
		state := session.ConnectionState()
		n.tlsState = &state
	}
	s.netHTTP.Serve(&single{conn: n})
	<-n.done
}

func (n *netH1) stateChanged(state http.ConnState) {
	c := n.conn
	switch state {
	case http.StateActive:
		n.handling.Store(true) // or the request is one that the engine refuses
		c.begin()
	case http.StateIdle:
		n.handling.Store(false)
		c.finish()
		if c.framing.begun() {
			c.begin() // with the byte that the engine has read ahead
		}
	case http.StateHijacked:
		n.taken.Store(true)
		c.framing.on = false
		c.observe(ticks())
		c.labelUpgraded(n.request.Header.Get("Upgrade"), n.request.Method, n.request.RequestURI)
		c.enter(StateHijacked, ticks())
		close(n.done)
	case http.StateClosed:
		close(n.done)
	}
}

// began counts a request and gives it its verdict.
func (n *netH1) began(x *netExchange) {
	c := n.conn
	n.request = x.r
	if n.tlsState != nil {
		x.r.TLS = n.tlsState
	}
	length := x.r.ContentLength
	if x.r.Body == http.NoBody {
		length = 0
	}
	c.headerDone(headerBytes(x.r), length)
	if c.verdict == 0 {
		c.verdict = checkLine(x.r)
	}
	x.verdict = c.verdict
}

// checkLine is check for a request that net/http has read.
func checkLine(r *http.Request) int {
	if r.Proto != "HTTP/1.1" && r.Proto != "HTTP/1.0" {
		return statusBadVersion
	}
	return httpsyntax.Refusal(r.Method, r.RequestURI, r.Host)
}

// unreadMost is how much of a body may be unread when its response begins; with
// more the connection ends behind it. The engine does the same.
const unreadMost = 256 << 10

// leaveUnread lets the handler of x read on when it has begun to answer.
func (n *netH1) leaveUnread(x *netExchange) {
	http.NewResponseController(x.w).EnableFullDuplex()
	x.w.Header().Set("Connection", "close")
	n.conn.last = true
}

// responds is called before the header of a final response is written.
func (n *netH1) responds(x *netExchange, header http.Header) {
	c := n.conn
	if x.verdict != 0 || c.mustEnd() {
		header.Set("Connection", "close")
		c.last = true
	}
	if x.verdict != 0 {
		c.linger = true
	}
	if length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil && length >= lasting {
		x.lasts()
	}
}

// lasts names the request of a connection of HTTP/1.1 that may be busy with it for
// long.
func (x *netExchange) lasts() {
	if x.on.one != nil && !x.named {
		x.named = true
		x.on.one.label("http/1.1", x.method, x.target)
	}
}

// failed is what a request is answered with whose body could not be read.
func (n *netH1) failed(err error) int {
	if n.conn.verdict == 0 && !gone(err) {
		n.conn.verdict = statusBadRequest
	}
	return n.conn.verdict
}

// Read gives the engine what was read before, then what passes the parser of
// request framing. Where that, or a clock, has ended a request that no handler
// has, the answer is given here: the engine would not know which.
func (n *netH1) Read(p []byte) (int, error) {
	c := n.conn
	switch {
	case len(c.replay) > 0:
		got := copy(p, c.replay)
		c.replay = c.replay[got:]
		return got, nil
	case n.taken.Load():
		if c.framing.refused != 0 {
			return c.stopped(p)
		}
		return c.receive(p)
	case len(p) == 1: // the engine's other reader, which may begin late
		return n.readAhead(p)
	}
	got, err := c.Read(p)
	if got > 0 {
		if got = len(c.takeBack(p[:got])); got == 0 {
			return n.Read(p)
		}
	}
	if err != nil && c.verdict != 0 && !n.handling.Load() {
		n.refuse()
		err = os.ErrDeadlineExceeded // to which the engine says nothing
	}
	return got, err
}

// readAhead reads the one byte that the engine reads while a handler runs, by
// which it learns that the client is gone. It belongs to whatever comes next,
// which may be no request: what is wrong with it is said when it is its turn.
func (n *netH1) readAhead(p []byte) (int, error) {
	c := n.conn
	if len(c.held) > 0 {
		got := copy(p, c.held)
		c.held = c.held[got:]
		return got, nil
	}
	c.ahead = true
	got, err := c.receive(p)
	c.ahead = false
	if got > 0 && c.framing.refused == 0 {
		c.admit(p[:got])
		c.held = nil
	}
	return got, err
}

// refuse answers what is no request.
func (n *netH1) refuse() {
	c := n.conn
	if c.started == 0 {
		c.requests.Add(1)
		c.s.counters.Requests.Add(1)
	}
	if c.left {
		c.blame(FaultCanceled)
	}
	c.blame(FaultClient)
	c.linger = true
	text := verdicts[c.verdict]
	fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		c.verdict, http.StatusText(c.verdict), len(text), text)
}

// CloseWrite ends what is sent, not what is received.
func (n *netH1) CloseWrite() error {
	c := n.conn
	if !n.taken.Load() {
		c.linger = true
	}
	if c.tls != nil {
		return c.tls.CloseWrite()
	}
	if c.tcp != nil {
		return c.tcp.CloseWrite()
	}
	return nil
}

// SetDeadline and its kin are called by the engine, to end what it reads ahead,
// and by handlers. The engine clears deadlines at every request: those of the
// sweeper stay.
func (n *netH1) SetDeadline(t time.Time) error {
	if err := n.SetReadDeadline(t); err != nil {
		return err
	}
	return n.SetWriteDeadline(t)
}

func (n *netH1) SetReadDeadline(t time.Time) error {
	return n.own(&n.reads, t, n.conn.raw.SetReadDeadline)
}

func (n *netH1) SetWriteDeadline(t time.Time) error {
	return n.own(&n.writes, t, n.conn.raw.SetWriteDeadline)
}

func (n *netH1) own(which *bool, t time.Time, set func(time.Time) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.IsZero() && !*which && !n.taken.Load() {
		return nil
	}
	*which = !t.IsZero()
	n.conn.owned.Store(n.reads || n.writes)
	return set(t)
}
