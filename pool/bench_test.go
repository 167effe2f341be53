package pool_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/valyala/fasthttp"
)

// canned is a backend that answers the same to whatever comes in one piece.
func canned(b *testing.B, answer string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	reply := []byte(answer)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				buf := make([]byte, 16<<10)
				for {
					if _, err := c.Read(buf); err != nil {
						return
					}
					if _, err := c.Write(reply); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + ln.Addr().String()
}

const small = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"

// proxied runs one request after the other over one client connection.
func proxied(b *testing.B, handler fasthttp.RequestHandler, request string) {
	s := &fasthttp.Server{Handler: handler, NoDefaultServerHeader: true, Logger: discard{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve(ln) }()
	defer func() { _ = ln.Close() }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	var resp fasthttp.Response
	send := []byte(request)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(send); err != nil {
			b.Fatal(err)
		}
		if err := resp.Read(r); err != nil || resp.StatusCode() != 200 {
			b.Fatal(resp.StatusCode(), err)
		}
	}
}

const browser = "GET /api/items?page=2 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: session=0123456789\r\nConnection: keep-alive\r\n\r\n"

// BenchmarkProxy is a small GET through the proxy: 0 allocations in client,
// server, proxy and backend together.
func BenchmarkProxy(b *testing.B) {
	for _, balance := range []string{pool.LeastConnections, pool.RoundRobin, pool.Random} {
		b.Run(balance, func(b *testing.B) {
			p, err := pool.New(pool.Config{Name: "api", Balance: balance, MaxConns: 100, Backends: []pool.BackendConfig{
				{Name: "a", URL: canned(b, small)}, {Name: "b", URL: canned(b, small), Weight: 2},
			}, ReadTimeout: 30e9})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = p.Close() }()
			proxied(b, p.Proxy, browser)
		})
	}
}

func BenchmarkProxyPOST(b *testing.B) {
	p, err := pool.New(pool.Config{Name: "api", Backends: []pool.BackendConfig{{Name: "a", URL: canned(b, small)}}, ReadTimeout: 30e9})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	proxied(b, p.Proxy, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
}

// BenchmarkHostClient is the same over fasthttp's own client, for comparison.
func BenchmarkHostClient(b *testing.B) {
	url := canned(b, small)
	hc := &fasthttp.HostClient{Addr: url[len("http://"):], ReadTimeout: 30e9}
	proxied(b, func(ctx *fasthttp.RequestCtx) {
		ctx.Request.Header.Del("Connection")
		if err := hc.Do(&ctx.Request, &ctx.Response); err != nil {
			b.Error(err)
		}
		ctx.Response.Header.Del("Connection")
	}, browser)
}

// BenchmarkDirect is the floor: the same server without a proxy behind it.
func BenchmarkDirect(b *testing.B) {
	proxied(b, func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("hello") }, browser)
}

func BenchmarkProxyStream1MiB(b *testing.B) {
	body := make([]byte, 1<<20)
	s := startBackend(b, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1048576")
		_, _ = w.Write(body)
	})
	p := newPool(b, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: s.URL}}})
	addr, cl := serve(b, p), client(b)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := cl.Get("http://" + addr + "/")
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}
