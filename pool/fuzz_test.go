package pool_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/valyala/fasthttp"
)

// FuzzRequest: whatever the server takes for a request reaches the backend as
// exactly one request, as another parser reads it, without fields of the
// client's connection.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: close, x-a\r\nX-A: 1\r\n\r\n",
		"POST /a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n4\r\nbody\r\n0\r\nT: 1\r\n\r\n",
		"PUT http://h:1/x HTTP/1.1\r\nHost: i\r\nContent-Length: 4\r\nX: a\r\n b\r\n\r\nbody",
		"OPTIONS * HTTP/1.0\r\nX-Forwarded-For: \r\nA B: c\r\nKeep-Alive: x\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	type seen struct {
		header http.Header
		after  int
		err    error
	}
	requests := make(chan seen, 1)
	url := script(f, func(n int, c net.Conn, r *bufio.Reader) {
		for {
			if _, err := r.Peek(1); err != nil {
				return
			}
			req, err := http.ReadRequest(r)
			if err != nil {
				requests <- seen{err: err}
				return
			}
			_, err = io.Copy(io.Discard, req.Body)
			requests <- seen{req.Header, r.Buffered(), err}
			_, _ = io.WriteString(c, ok)
		}
	})
	p := newPool(f, pool.Config{ReadTimeout: 2 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ctx fasthttp.RequestCtx
		var req fasthttp.Request
		if req.ReadLimitBody(bufio.NewReader(bytes.NewReader(raw)), 1<<20) != nil || req.URI() == nil {
			return
		}
		ctx.Init(&req, nil, discard{})
		p.Proxy(&ctx)
		select {
		case got := <-requests:
			// Of targets and hosts net/http is choosier than the server is.
			if got.err != nil && !strings.Contains(got.err.Error(), "invalid URI") && !strings.Contains(got.err.Error(), "parse ") &&
				!strings.Contains(got.err.Error(), "malformed Host header") {
				t.Fatalf("backend cannot read the request: %v", got.err)
			}
			if got.after != 0 {
				t.Fatalf("%d bytes after the request", got.after)
			}
			one := []string{"Connection", "Keep-Alive", "Te", "Upgrade", "Proxy-Connection"}
			if c := got.header["Connection"]; len(c) == 1 && c[0] == "Upgrade" && len(got.header["Upgrade"]) == 1 {
				one = one[1:3] // a switch is passed on
			}
			for _, name := range one {
				if got.header[name] != nil {
					t.Fatalf("backend got %s", name)
				}
			}
		default:
			if ctx.Response.StatusCode() == fasthttp.StatusGatewayTimeout {
				t.Fatal("backend waits for more of the request")
			}
			if ctx.Response.StatusCode() < 400 {
				t.Fatalf("got %d without a request to the backend", ctx.Response.StatusCode())
			}
		}
	})
}

// FuzzResponse: whatever a backend answers, the client gets a response and the
// connection is back.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		ok,
		"HTTP/1.1 200 OK\r\nConnection: x-a, close\r\nX-A: 1\r\n\r\nbody",
		"HTTP/1.1 103 Early\r\n\r\nHTTP/1.0 204 None\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n4\r\nbody\r\n0\r\nT: 1\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	var answer atomic.Pointer[[]byte]
	url := script(f, func(n int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = c.Write(*answer.Load())
		}
	})
	p := newPool(f, pool.Config{ReadTimeout: 2 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	f.Fuzz(func(t *testing.T, raw []byte) {
		answer.Store(&raw)
		var ctx fasthttp.RequestCtx
		var req fasthttp.Request
		req.SetRequestURI("/")
		req.Header.SetHost("h")
		ctx.Init(&req, nil, discard{})
		p.Proxy(&ctx)
		var wire bytes.Buffer
		_, err := ctx.Response.WriteTo(&wire)
		if err == nil {
			resp, err := http.ReadResponse(bufio.NewReader(&wire), nil)
			if err != nil {
				t.Fatalf("client cannot read the response: %v", err)
			}
			if resp.StatusCode < 200 {
				t.Fatalf("got %d", resp.StatusCode)
			}
		}
		ctx.Response.Reset() // as the server does
		if got := p.Stats().Totals(); got.Active != 0 {
			t.Fatalf("got %+v, want nothing in use", got)
		}
	})
}
