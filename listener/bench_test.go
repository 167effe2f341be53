package listener_test

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/echterhof/rockstar-tui/listener"
)

var (
	request  = []byte("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
	greeting = []byte("hello")
)

func greet(x listener.Exchange) {
	if x.Path() != "/hello" || x.Method() != "GET" {
		x.SetStatus(404)
	}
	x.SetBody(greeting)
}

// BenchmarkRespond is a request over a kept loopback connection, client
// included; the client allocates nothing either.
func BenchmarkRespond(b *testing.B) {
	e := start(b, listener.Limits{KeepAlive: true, MaxIdle: 1000, Idle: 1 << 40, Read: 1 << 40}, greet)
	exchangeAll(b, e.addr)
	if n := e.Counters().Requests.Load(); n < uint64(b.N) {
		b.Errorf("%d requests counted of %d", n, b.N)
	}
}

// BenchmarkRespondUncounted is the engine alone, for comparison: no table, no
// counters, no limits.
func BenchmarkRespondUncounted(b *testing.B) {
	ln := listen(b)
	s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) { ctx.Response.SetBodyRaw(greeting) }, NoDefaultServerHeader: true}
	go s.Serve(ln)
	exchangeAll(b, ln.Addr().String())
}

func exchangeAll(b *testing.B, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	exchange := func() {
		c.Write(request)
		for { // the header ends at an empty line
			line, err := r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := r.Discard(len(greeting)); err != nil {
			b.Fatal(err)
		}
	}
	exchange()
	b.ReportAllocs()
	for b.Loop() {
		exchange()
	}
}

// BenchmarkRespondInMemory leaves the kernel out.
func BenchmarkRespondInMemory(b *testing.B) {
	for name, counted := range map[string]bool{"counted": true, "uncounted": false} {
		b.Run(name, func(b *testing.B) {
			c := &memoryConn{left: b.N, done: make(chan struct{})}
			b.ReportAllocs()
			if counted {
				s := listener.NewServer(listener.ServerConfig{Handler: greet, Limits: keepAlive})
				s.ServeConn(c)
			} else {
				s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) { ctx.Response.SetBodyRaw(greeting) }}
				go s.ServeConn(c)
			}
			<-c.done
		})
	}
}

// memoryConn sends a request whenever it is read from.
type memoryConn struct {
	net.Conn
	left int
	done chan struct{}
}

func (c *memoryConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(p, request), nil
}

func (c *memoryConn) Write(p []byte) (int, error) { return len(p), nil }
func (c *memoryConn) RemoteAddr() net.Addr        { return &net.TCPAddr{} }
func (c *memoryConn) LocalAddr() net.Addr         { return &net.TCPAddr{} }
func (c *memoryConn) Close() error {
	close(c.done)
	return nil
}

// A plain response must not allocate: what each request allocates, the
// collector pays for.
func TestRespondingDoesNotAllocate(t *testing.T) {
	const requests = 2000
	serve := func() {
		c := &memoryConn{left: requests, done: make(chan struct{})}
		s := listener.NewServer(listener.ServerConfig{Handler: greet, Limits: keepAlive})
		s.ServeConn(c)
		<-c.done
	}
	if n := testing.AllocsPerRun(5, serve); n > requests/10 {
		t.Errorf("%v allocations in %d requests, want only those of a connection", n, requests)
	}
}
