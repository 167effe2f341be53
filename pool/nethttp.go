package pool

import (
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// ServeHTTP is [Pool.Proxy] for a request of net/http. The client going away ends
// the exchange with the backend. Where an offer to switch to another protocol
// means nothing, over HTTP/2 and HTTP/3, it is left out.
func (p *Pool) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.ServeFor(w, r, nil) }

// ServeFor is [Pool.ServeHTTP] for a client that is told of failures; it may be
// nil. That it left is known from the context of r.
func (p *Pool) ServeFor(w http.ResponseWriter, r *http.Request, client Client) {
	ctx := foreigners.Get().(*fasthttp.RequestCtx)
	defer func() {
		ctx.Response.CloseBodyStream()
		ctx.Request.Reset()
		ctx.Response.Reset()
		foreigners.Put(ctx)
	}()
	ctx.Init2(clientOf(w, r), nil, false)
	takeRequest(&ctx.Request, r)
	var protocols []byte
	if r.ProtoMajor == 1 && r.ProtoAtLeast(1, 1) {
		protocols = offer(ctx)
	}
	switch {
	case unfit(ctx):
	case protocols != nil:
		if s := p.upgrade(r.Context(), ctx, netClient{client, w}, protocols); s.conn != nil {
			p.tunnelOver(w, switched(&ctx.Response.Header), s)
			return
		}
	default:
		p.proxy(r.Context(), ctx, netClient{client, w})
	}
	giveResponse(w, r, &ctx.Response)
}

var foreigners = sync.Pool{New: func() any { return new(fasthttp.RequestCtx) }}

// client is the connection of a request that came by another server, as far as
// the proxy asks for it.
type client struct {
	net.Conn // nil: nobody reads or writes it
	addr     net.Addr
	w        http.ResponseWriter
}

// SetReadDeadline is for the body of the request.
func (c client) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(c.w).SetReadDeadline(t)
}

func (c client) RemoteAddr() net.Addr { return c.addr }
func (c client) LocalAddr() net.Addr  { return c.addr }

// secureClient is recognized by its methods.
type secureClient struct {
	client
	state *tls.ConnectionState
}

func (c secureClient) Handshake() error                     { return nil }
func (c secureClient) ConnectionState() tls.ConnectionState { return *c.state }

// netClient is the client of a request of net/http.
type netClient struct {
	known Client // may be nil
	w     http.ResponseWriter
}

// Gone is told by the context of the request.
func (c netClient) Gone() bool { return false }

func (c netClient) Inform(status int, header http.Header) {
	maps.Copy(c.w.Header(), header)
	c.w.WriteHeader(status)
	for name := range header {
		c.w.Header().Del(name)
	}
}

func (c netClient) BackendFailed() {
	if c.known != nil {
		c.known.BackendFailed()
	}
}

func (c netClient) Canceled() {
	if c.known != nil {
		c.known.Canceled()
	}
}

func clientOf(w http.ResponseWriter, r *http.Request) net.Conn {
	c := client{addr: addrOf(r.RemoteAddr), w: w}
	if r.TLS != nil {
		return secureClient{c, r.TLS}
	}
	return c
}

func addrOf(hostport string) net.Addr {
	host, port, _ := net.SplitHostPort(hostport)
	n, _ := strconv.Atoi(port)
	return &net.TCPAddr{IP: net.ParseIP(host), Port: n}
}

func takeRequest(req *fasthttp.Request, r *http.Request) {
	h := &req.Header
	h.SetMethod(r.Method)
	h.SetRequestURI(r.RequestURI)
	if r.RequestURI != "*" && !strings.HasPrefix(r.RequestURI, "/") && r.Method != http.MethodConnect {
		h.SetRequestURI(r.URL.RequestURI()) // the host of an absolute target is r.Host, or another one over HTTP/2
	}
	h.SetHost(r.Host)
	for name, values := range r.Header {
		if name == "Content-Length" || name == "Host" { // a Host beside r.Host is another one
			continue
		}
		for _, v := range values {
			h.Add(name, v)
		}
	}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		// The body is closed by whoever made the request, not by fasthttp.
		req.SetBodyStream(struct{ io.Reader }{r.Body}, int(r.ContentLength))
	}
}

// giveResponse sends resp, streamed as it comes. Where it breaks off, the panic
// tells the server not to let it look complete.
func giveResponse(w http.ResponseWriter, r *http.Request, resp *fasthttp.Response) {
	body := resp.BodyStream()
	n := int64(resp.Header.ContentLength())
	if body == nil && r.Method != http.MethodHead && len(resp.Body()) > 0 {
		n = int64(len(resp.Body()))
	}
	out := w.Header()
	for name, value := range resp.Header.All() {
		if is(name, "Content-Length") || is(name, "Trailer") || hopByHop(name) {
			continue
		}
		out.Add(string(name), string(value))
	}
	status := resp.StatusCode()
	if n >= 0 && status != http.StatusNoContent && (n > 0 || r.Method != http.MethodHead) {
		out.Set("Content-Length", strconv.FormatInt(n, 10))
	}
	w.WriteHeader(status)
	switch {
	case r.Method == http.MethodHead:
	case body != nil:
		if err := pass(w, body, n < 0); err != nil {
			panic(http.ErrAbortHandler)
		}
		for _, key := range resp.Header.PeekTrailerKeys() {
			if value := resp.Header.PeekBytes(key); len(value) > 0 {
				out.Set(http.TrailerPrefix+strings.TrimSpace(string(key)), string(value))
			}
		}
	default:
		w.Write(resp.Body())
	}
}

// pass copies a body. Of unknown length often means slow to come, so that each
// piece of it is sent at once.
func pass(w http.ResponseWriter, body io.Reader, atOnce bool) error {
	var out io.Writer = onlyWriter{w}
	if atOnce {
		f := flushing{w, http.NewResponseController(w)}
		_ = f.flush()
		out = f
	}
	_, err := io.Copy(out, body) // which has a way of its own
	return err
}

// flushing sends each piece at once.
type flushing struct {
	w  io.Writer
	rc *http.ResponseController
}

func (f flushing) flush() error {
	if err := f.rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		err = f.flush()
	}
	return n, err
}

var _ http.Handler = (*Pool)(nil)
