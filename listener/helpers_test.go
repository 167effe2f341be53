package listener_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// open is [sockets.Open] on a free port of loopback.
func open(t testing.TB, opt sockets.Options) *sockets.Sockets {
	t.Helper()
	s, err := sockets.Open(context.Background(), "127.0.0.1:0", opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// endpoint is a server at work on a slot of its own.
type endpoint struct {
	*listener.Server
	t       testing.TB
	sockets *sockets.Sockets
	addr    string
	served  chan error // what Serve returned
}

func start(t testing.TB, limits listener.Limits, h listener.Handler) *endpoint {
	t.Helper()
	sockets := open(t, sockets.Options{})
	s := listener.NewServer(listener.ServerConfig{
		Name: t.Name(), Handler: h, Limits: limits, ErrorLog: slog.New(slog.DiscardHandler),
	})
	e := &endpoint{Server: s, t: t, sockets: sockets, addr: sockets.Addr().String(), served: make(chan error, 1)}
	ln, err := sockets.Listener(0)
	if err != nil {
		t.Fatal(err)
	}
	go func() { e.served <- s.Serve(ln) }()
	t.Cleanup(func() { s.Close() })
	return e
}

// echo answers with the method, the path and the body it got.
func echo(x listener.Exchange) {
	body, err := io.ReadAll(x.Body())
	if err != nil {
		x.SetStatus(http.StatusTeapot)
		return
	}
	fmt.Fprintf(x, "%s %s %s", x.Method(), x.Path(), body)
}

func hello(x listener.Exchange) { x.WriteString("hello") }

var keepAlive = listener.Limits{KeepAlive: true}

// client is a raw connection that never retries anything.
type client struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

func (e *endpoint) dial() *client {
	e.t.Helper()
	c, err := net.Dial("tcp", e.addr)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(15 * time.Second))
	return &client{c.(*net.TCPConn), e.t, bufio.NewReader(c)}
}

func (e *endpoint) dialMany(n int) []*client {
	e.t.Helper()
	cs := make([]*client, n)
	for i := range cs {
		cs[i] = e.dial()
	}
	return cs
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// read gives the next response with its whole body.
func (c *client) read() (*http.Response, string) {
	c.t.Helper()
	resp, body, err := c.tryRead()
	if err != nil {
		c.t.Fatalf("read response: %v", err)
	}
	return resp, body
}

func (c *client) tryRead() (*http.Response, string, error) {
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func (c *client) get(path string) (*http.Response, string) {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n")
	return c.read()
}

// wantStatus reads a response and checks its status.
func (c *client) wantStatus(want int) *http.Response {
	c.t.Helper()
	resp, body := c.read()
	if resp.StatusCode != want {
		c.t.Fatalf("status %d %q, want %d", resp.StatusCode, body, want)
	}
	return resp
}

// wantEnd checks that the server has closed the connection, within the time.
func (c *client) wantEnd(within time.Duration) {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(within))
	if b, err := c.r.ReadByte(); err != io.EOF {
		c.t.Fatalf("read %q, %v; want the end of the connection within %v", b, err, within)
	}
}

// eventually waits for a condition; everything it waits for takes milliseconds
// on a machine that is not busy.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("did not come true: %s", what)
}

// wantGauges waits until that many connections are active and idle.
func (e *endpoint) wantGauges(active, idle uint64) {
	e.t.Helper()
	var got listener.Totals
	end := time.Now().Add(10 * time.Second)
	for time.Now().Before(end) {
		if got = e.Counters().Load(); got.Active == active && got.Idle == idle {
			return
		}
		time.Sleep(time.Millisecond)
	}
	e.t.Fatalf("%d active and %d idle, want %d and %d; %+v", int64(got.Active), int64(got.Idle), active, idle, e.Connections(nil))
}

// wantState waits until so many connections are in a state.
func (e *endpoint) wantState(s listener.State, n int) {
	e.t.Helper()
	eventually(e.t, fmt.Sprintf("%d connections in state %s", n, s), func() bool {
		return len(e.Connections(func(c listener.ConnInfo) bool { return c.State == s })) == n
	})
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}
