package listener_test

import (
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// chaos is a handler that ends requests in every way there is.
func chaos(x listener.Exchange) {
	ctx, _ := listener.FastHTTP(x)
	switch x.Path() {
	case "/panic":
		panic("on purpose")
	case "/hijack":
		ctx.Hijack(func(c net.Conn) {
			c.SetDeadline(time.Now().Add(300 * time.Millisecond))
			io.CopyN(c, c, 3)
		})
	case "/large":
		x.SetBody(make([]byte, 8<<20))
	case "/stream":
		x.SetBodyStream(panicReader{}, -1)
	case "/slow":
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
	case "/unread":
	default:
		io.Copy(io.Discard, x.Body())
		x.WriteString("ok")
	}
}

// scripts bring a connection into every state in which it may then be left.
var scripts = []string{
	"",
	"\r\n",
	"GET",
	"GET / HTTP/1.1\r\nHo",
	"GET / HTTP/1.1\r\nHost: t\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: t\r\n\r\nGET / HTTP/1.1\r\n",
	"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n123",
	"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 90000\r\n\r\n" + strings.Repeat("x", 10000),
	"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX",
	"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 900000\r\n\r\n",
	"POST /unread HTTP/1.1\r\nHost: t\r\nContent-Length: 90000\r\n\r\n" + strings.Repeat("x", 10000),
	"POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
	"GET /panic HTTP/1.1\r\nHost: t\r\n\r\n",
	"GET /hijack HTTP/1.1\r\nHost: t\r\n\r\nabcdef",
	"GET /hijack HTTP/1.1\r\nHost: t\r\n\r\na",
	"GET /large HTTP/1.1\r\nHost: t\r\n\r\n",
	"GET /stream HTTP/1.1\r\nHost: t\r\n\r\n",
	"GET /slow HTTP/1.1\r\nHost: t\r\n\r\n",
	"nonsense\r\n\r\n",
}

func TestGaugesReturnToZeroHoweverConnectionsEnd(t *testing.T) {
	t.Parallel()
	limits := listener.Limits{
		KeepAlive: true, ReadHeader: 600 * time.Millisecond, Read: 600 * time.Millisecond,
		Write: 600 * time.Millisecond, Idle: 600 * time.Millisecond, MaxRequestBytes: 100_000,
	}
	e := start(t, limits, chaos)
	var wg sync.WaitGroup
	for range 4 {
		for _, script := range scripts {
			for _, end := range []func(*client){reset, closeAfterReading, halfClose, leave} {
				wg.Go(func() {
					c := e.dial()
					io.WriteString(c, script)
					time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
					end(c)
				})
			}
		}
	}
	wg.Wait()
	e.wantGauges(0, 0)
	if n := len(e.Connections(nil)); n != 0 {
		t.Errorf("%d connections in the table, want none", n)
	}
	if forced, err := e.Drain(within(t, 10*time.Second)); forced != 0 || err != nil {
		t.Errorf("%d forced, %v", forced, err)
	}
}

// The ways a client ends a connection.
func reset(c *client) {
	c.SetLinger(0)
	c.Close()
}

func closeAfterReading(c *client) {
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	io.Copy(io.Discard, c)
	c.Close()
}

func halfClose(c *client) {
	c.CloseWrite()
	io.Copy(io.Discard, c)
	c.Close()
}

// leave lets the server end it.
func leave(*client) {}
