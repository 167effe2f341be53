package listener_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// brief is a time without progress that a healthy transfer never sees, also on a
// busy machine; the transfers below take several times as long.
const brief = 700 * time.Millisecond

// small makes the socket buffers of a client so small that it has to read for the
// server to go on.
func (e *endpoint) dialSmall() *client {
	e.t.Helper()
	c := e.dial()
	c.SetReadBuffer(128 << 10)
	return c
}

// drink reads a response slowly and steadily: it reads its whole body in no less
// than the time.
func (c *client) drink(size int64, over time.Duration) error {
	const sips = 40
	for range sips {
		if _, err := io.CopyN(io.Discard, c.r, size/sips); err != nil {
			return err
		}
		time.Sleep(over / sips)
	}
	return nil
}

func TestASteadyDownloadOutlivesTheWriteTimeout(t *testing.T) {
	t.Parallel()
	const size = 12 << 20
	file := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]listener.Handler{
		"whole":  func(x listener.Exchange) { x.SetBody(make([]byte, size)) },
		"stream": func(x listener.Exchange) { x.SetBodyStream(io.LimitReader(endless{}, size), size) },
		"file": func(x listener.Exchange) {
			f, err := os.Open(file)
			if err != nil {
				panic(err)
			}
			x.SetBodyStream(f, size)
		},
	}
	for name, h := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, listener.Limits{KeepAlive: true, Write: brief, MinRate: 240}, h)
			c := e.dialSmall()
			c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
			if err := c.drink(size, 4*brief); err != nil {
				t.Errorf("the response broke off: %v", err)
			}
			wantFailures(t, e.Server, listener.Failures{})
		})
	}
}

func TestASilentHandlerIsNoLackOfProgress(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, Read: brief, Write: brief, MinRate: 240}, func(x listener.Exchange) {
		r, w := io.Pipe()
		x.SetBodyStream(r, -1)
		go func() {
			defer w.Close()
			for i := range 3 {
				time.Sleep(2 * brief)
				fmt.Fprintf(w, "data: %d\n\n", i)
			}
		}()
	})
	c := e.dial()
	if resp, body := c.get("/"); resp.StatusCode != 200 || body != "data: 0\n\ndata: 1\n\ndata: 2\n\n" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
	wantFailures(t, e.Server, listener.Failures{})
}

func TestASteadyUploadOutlivesTheReadTimeout(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, Read: brief, Write: brief, MinRate: 240}, func(x listener.Exchange) {
		n, err := io.Copy(io.Discard, x.Body())
		fmt.Fprint(x, n, err)
	})
	c := e.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n")
	for range 20 {
		c.send(string(make([]byte, 5000)))
		time.Sleep(brief / 5)
	}
	if _, body := c.read(); body != "100000 <nil>" {
		t.Errorf("the handler read %s", body)
	}
}

// A handler that is busy before it reads on, and one that never does, has the
// client wait, not the other way round.
func TestABusyHandlerIsNoSlowClient(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, Read: brief, MinRate: 240}, func(x listener.Exchange) {
		io.CopyN(io.Discard, x.Body(), 10000)
		time.Sleep(3 * brief)
		n, err := io.Copy(io.Discard, x.Body())
		fmt.Fprint(x, n, err)
	})
	c := e.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 30000\r\n\r\n" + string(make([]byte, 20000)))
	time.Sleep(3 * brief)
	c.send(string(make([]byte, 10000)))
	if _, body := c.read(); body != "20000 <nil>" {
		t.Errorf("the handler read %s", body)
	}
}

func TestAClientThatReadsNothingIsEnded(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, Write: brief}, func(x listener.Exchange) { x.SetBodyStream(endless{}, -1) })
	c := e.dialSmall()
	begun := time.Now()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	e.wantState(listener.StateResponse, 1)
	e.wantTimedOut(1)
	if d := time.Since(begun); d < brief || d > brief+5*time.Second {
		t.Errorf("ended after %v, want about %v", d, brief)
	}
	wantFailures(t, e.Server, listener.Failures{Client: 1})
	// A reset, so that nothing of the response stays in the system.
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v, want a reset", err)
	}
}

func TestTricklersAreEnded(t *testing.T) {
	t.Parallel()
	limits := listener.Limits{KeepAlive: true, Read: time.Minute, Write: time.Minute, MinRate: 1000, MinRateGrace: time.Second}
	e := start(t, limits, echo)
	slow, good := e.dial(), e.dial()
	const header = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n"
	slow.send(header)
	good.send(header)
	stop := make(chan struct{})
	defer close(stop)
	trickle := func(c *client, bytes int) {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				c.Write(make([]byte, bytes))
			}
		}
	}
	go trickle(slow, 10) // 200 a second
	go trickle(good, 200)
	slow.wantStatus(408)
	e.wantState(listener.StateBody, 1)
	wantFailures(t, e.Server, listener.Failures{Client: 1})
	if n := e.Counters().TimedOut.Load(); n != 1 {
		t.Errorf("%d timed out, want one", n)
	}
}

func TestAClientThatTakesAResponseTooSlowlyIsEnded(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, Write: time.Minute, MinRate: 10 << 20, MinRateGrace: time.Second},
		func(x listener.Exchange) { x.SetBodyStream(endless{}, -1) })
	c := e.dialSmall()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	for {
		if _, err := io.CopyN(io.Discard, c.r, 32<<10); err != nil { // a tenth of that rate
			break
		}
		time.Sleep(30 * time.Millisecond)
	}
	e.wantTimedOut(1)
	wantFailures(t, e.Server, listener.Failures{Client: 1})
}

func TestTimeoutsOfOneRequest(t *testing.T) {
	t.Parallel()
	long, none := time.Hour, time.Duration(0)
	gate := make(chan struct{})
	defer close(gate)
	e := start(t, listener.Limits{KeepAlive: true, Read: brief, Response: brief}, func(x listener.Exchange) {
		if x.Path() == "/long" {
			listener.SetTimeouts(x, &listener.Timeouts{Read: &long, Response: &none})
			time.Sleep(2 * brief)
			io.Copy(x, x.Body())
			return
		}
		<-gate
	})
	c := e.dial()
	c.send("POST /long HTTP/1.1\r\nHost: t\r\nContent-Length: 10000\r\n\r\n" + string(make([]byte, 9000)))
	time.Sleep(4 * brief)
	c.send(string(make([]byte, 1000)))
	if resp, body := c.read(); resp.StatusCode != 200 || len(body) != 10000 {
		t.Errorf("status %d, %d bytes", resp.StatusCode, len(body))
	}
	c.send("GET /short HTTP/1.1\r\nHost: t\r\n\r\n") // for which the server's hold again
	c.wantEnd(10 * time.Second)
	e.wantTimedOutNow(1)
}

func TestARequestMayHaveAMinRateOfItsOwn(t *testing.T) {
	t.Parallel()
	none := 0
	limits := listener.Limits{KeepAlive: true, Read: time.Minute, MinRate: 1 << 20, MinRateGrace: time.Second}
	e := start(t, limits, func(x listener.Exchange) {
		listener.SetTimeouts(x, &listener.Timeouts{MinRate: &none})
		io.Copy(x, x.Body())
	})
	c := e.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 30000\r\n\r\n")
	c.send(string(make([]byte, 10000))) // a handler of fasthttp runs once the first 8 KiB are there
	for range 20 {                      // three seconds
		time.Sleep(150 * time.Millisecond)
		c.send(string(make([]byte, 1000)))
	}
	if resp, body := c.read(); resp.StatusCode != 200 || len(body) != 30000 {
		t.Errorf("status %d, %d bytes", resp.StatusCode, len(body))
	}
}

func (e *endpoint) wantTimedOutNow(n uint64) {
	e.t.Helper()
	eventually(e.t, fmt.Sprintf("%d timed out", n), func() bool { return e.Counters().TimedOut.Load() == n })
}

// What is spliced from a slow source is not owed by the client.
func TestASilentSourceIsNoLackOfProgress(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, Write: brief, MinRate: 240}, func(x listener.Exchange) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		defer ln.Close()
		go func() {
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				return
			}
			defer c.Close()
			time.Sleep(3 * brief)
			io.WriteString(c, "late but here")
		}()
		source, err := ln.Accept()
		if err != nil {
			panic(err)
		}
		x.SetBodyStream(source, 13)
	})
	if resp, body := e.dial().get("/"); resp.StatusCode != 200 || body != "late but here" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
}

// longLived transfers, over HTTP/2 or HTTP/3, in several times what may pass
// without progress.
func longLived(t *testing.T, c *http.Client, url string) {
	t.Helper()
	t.Run("events", func(t *testing.T) {
		resp, err := c.Get(url + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 3 {
			t.Errorf("%q, %v", body, err)
		}
	})
	t.Run("upload", func(t *testing.T) {
		r, w := io.Pipe()
		go func() {
			for range 20 {
				w.Write(make([]byte, 5000))
				time.Sleep(brief / 5)
			}
			w.Close()
		}()
		resp, err := c.Post(url+"/", "", r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "100000 <nil>" {
			t.Errorf("the handler read %q, %v", body, err)
		}
	})
}

func slowWays(x listener.Exchange) {
	if x.Path() != "/events" {
		n, err := io.Copy(io.Discard, x.Body())
		fmt.Fprint(x, n, err)
		return
	}
	r, w := io.Pipe()
	x.SetBodyStream(r, -1)
	go func() {
		defer w.Close()
		for range 3 {
			time.Sleep(2 * brief)
			io.WriteString(w, ".")
		}
	}()
}

func TestLongTransfersOverHTTP2(t *testing.T) {
	t.Parallel()
	e := startH2(t, listener.Limits{KeepAlive: true, Read: brief, Write: brief, MinRate: 240}, slowWays)
	longLived(t, h2Client(t), "https://"+e.addr)
}

func TestLongTransfersOverHTTP3(t *testing.T) {
	t.Parallel()
	_, sockets := startQUIC(t, listener.Limits{KeepAlive: true, Read: brief, Write: brief, MinRate: 240}, slowWays)
	c := newH3Client(t, sockets.Addr())
	longLived(t, c.Client, "https://"+c.to)
}

// What a client owes of a body that nobody reads ends the connection behind the
// answer, and brings no second one. A mounted handler's answer waits for the body, as
// under net/http.
func TestABodyThatNobodyReadsIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, Read: brief}, func(x listener.Exchange) {
		if w, _, ok := listener.NetHTTP(x); ok {
			io.WriteString(w, "mounted")
			return
		}
		x.WriteString("plain")
	})
	e.SetNetHTTP(func(x listener.Exchange) bool { return x.Path() == "/mounted" })
	for want, status := range map[string]int{"plain": 200, "mounted": 408} {
		c := e.dial()
		c.send("POST /" + want + " HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n" + string(make([]byte, 20000)))
		if resp, body := c.read(); resp.StatusCode != status {
			t.Errorf("%s: status %d, body %q; want %d", want, resp.StatusCode, body, status)
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil {
			t.Errorf("behind the answer %q, %v", rest, err)
		}
		e.wantGauges(0, 0)
	}
}

func TestStallsUnderTLSAreEnded(t *testing.T) {
	t.Parallel()
	e := startH2(t, listener.Limits{KeepAlive: true, Read: brief, Write: brief}, func(x listener.Exchange) {
		if x.Path() == "/body" {
			io.Copy(io.Discard, x.Body())
			return
		}
		x.SetBodyStream(endless{}, -1)
	})
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: t\r\n\r\n",
		"POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 20000\r\n\r\n" + string(make([]byte, 9000)),
	} {
		c, err := tls.Dial("tcp", e.addr, config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, request)
	}
	eventually(t, "both are ended", func() bool { return e.Counters().TimedOut.Load() == 2 })
	wantFailures(t, e.Server, listener.Failures{Client: 2})
}
