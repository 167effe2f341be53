package listener_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

func TestExchangeTellsOfTheRequest(t *testing.T) {
	e := start(t, keepAlive, func(x listener.Exchange) {
		var tags []string
		x.RequestHeaders(func(name, value string) {
			if name == "X-Tag" {
				tags = append(tags, value)
			}
		})
		body, _ := io.ReadAll(x.Body())
		x.SetStatus(http.StatusCreated)
		x.SetHeader("X-Seen", strings.Join([]string{x.Method(), x.Proto(), x.RequestURI(), x.RawPath(), x.Path(), x.Query(),
			x.Host(), x.RequestHeader("x-tag"), fmt.Sprint(tags), fmt.Sprint(x.ContentLength()), string(body)}, "|"))
		x.AddHeader("X-Two", "1")
		x.AddHeader("X-Two", "2")
		x.SetBody([]byte("made"))
	})
	c := e.dial()
	c.send("PUT /a%2Fb//../c%20d?q=1%20 HTTP/1.1\r\nHost: Example.com:80\r\nX-Tag: one\r\nX-Tag: two\r\nContent-Length: 3\r\n\r\nabc")
	resp, body := c.read()
	want := "PUT|HTTP/1.1|/a%2Fb//../c%20d?q=1%20|/a%2Fb//../c%20d|/a/b//../c d|q=1%20|example.com:80|one|[one two]|3|abc"
	if got := resp.Header.Get("X-Seen"); got != want {
		t.Errorf("the handler saw\n%s, want\n%s", got, want)
	}
	if resp.StatusCode != 201 || body != "made" || len(resp.Header["X-Two"]) != 2 {
		t.Errorf("status %d, body %q, X-Two %v; want 201, made, two of them", resp.StatusCode, body, resp.Header["X-Two"])
	}
	if resp.Header.Get("Server") != "" {
		t.Errorf("Server: %s, want none", resp.Header.Get("Server"))
	}
}

func TestFastHTTPGivesItsContext(t *testing.T) {
	e := start(t, keepAlive, func(x listener.Exchange) {
		ctx, ok := listener.FastHTTP(x)
		if !ok {
			x.SetStatus(500)
			return
		}
		ctx.WriteString("by context")
	})
	if resp, body := e.dial().get("/"); resp.StatusCode != 200 || body != "by context" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
}

func TestConnectionsAreCountedAndListed(t *testing.T) {
	gate := make(chan struct{})
	e := start(t, keepAlive, func(x listener.Exchange) {
		if x.Path() == "/wait" {
			<-gate
		}
		x.WriteString("hello")
	})
	idle, busy, fresh := e.dial(), e.dial(), e.dial()
	idle.get("/")
	idle.get("/")
	busy.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
	e.wantState(listener.StateResponse, 1)
	e.wantGauges(1, 2)
	e.wantState(listener.StateIdle, 1)
	e.wantState(listener.StateNew, 1)
	for _, info := range e.Connections(nil) {
		switch info.Peer {
		case idle.LocalAddr().String():
			if info.Requests != 2 || info.BytesIn == 0 || info.BytesOut == 0 {
				t.Errorf("%+v, want 2 requests and bytes", info)
			}
		case busy.LocalAddr().String():
			if info.Requests != 1 || info.State != listener.StateResponse {
				t.Errorf("%+v, want 1 request under way", info)
			}
			if age := time.Since(info.Since); age < 0 || age > 10*time.Second {
				t.Errorf("in its state for %v", age)
			}
		}
	}
	close(gate)
	busy.read()
	e.wantGauges(0, 3)
	idle.Close()
	busy.Close()
	fresh.Close()
	e.wantGauges(0, 0)
	got := e.Counters().Load()
	if got.Accepted != 3 || got.Requests != 3 || got.Failures != (listener.Failures{}) {
		t.Errorf("%d accepted, %d requests, failures %+v; want 3, 3, none", got.Accepted, got.Requests, got.Failures)
	}
	var timed uint64
	for _, n := range got.Latency {
		timed += n
	}
	if timed != 3 {
		t.Errorf("%d latencies, want 3", timed)
	}
}

func TestCloseConnectionEndsOne(t *testing.T) {
	e := start(t, keepAlive, hello)
	a, b := e.dial(), e.dial()
	a.get("/")
	b.get("/")
	id := e.Connections(func(c listener.ConnInfo) bool { return c.Peer == a.LocalAddr().String() })[0].ID
	if !e.CloseConnection(id) {
		t.Error("no connection to close")
	}
	a.wantEnd(5 * time.Second)
	b.get("/")
	e.wantGauges(0, 1)
	if e.CloseConnection(id) {
		t.Error("closed a second time")
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	e := start(t, keepAlive, echo)
	c := e.dial()
	var all strings.Builder
	for i := range 50 {
		fmt.Fprintf(&all, "GET /%d HTTP/1.1\r\nHost: t\r\n\r\n", i)
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nxy", i)
	}
	c.send(all.String())
	for i := range 50 {
		for _, want := range []string{fmt.Sprintf("GET /%d ", i), fmt.Sprintf("POST /%d xy", i)} {
			if _, body := c.read(); body != want {
				t.Fatalf("got %q, want %q", body, want)
			}
		}
	}
	e.wantGauges(0, 1)
	if n := e.Counters().Requests.Load(); n != 100 {
		t.Errorf("%d requests, want 100", n)
	}
}

func TestBodiesOfAllKindsArrive(t *testing.T) {
	e := start(t, keepAlive, func(x listener.Exchange) {
		n, err := io.Copy(io.Discard, x.Body())
		fmt.Fprint(x, n, err)
	})
	c := e.dial()
	for _, n := range []int{0, 1, 8191, 8192, 8193, 300_000} {
		body := strings.Repeat("x", n)
		c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s", n, body))
		if _, got := c.read(); got != fmt.Sprint(n, error(nil)) {
			t.Errorf("with Content-Length: %q, want %d", got, n)
		}
		c.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
		if n > 0 {
			c.send(fmt.Sprintf("%x\r\n%s\r\n", n, body))
		}
		c.send("0\r\n\r\n")
		if _, got := c.read(); got != fmt.Sprint(n, error(nil)) {
			t.Errorf("chunked: %q, want %d", got, n)
		}
	}
	e.wantGauges(0, 1)
}

func TestExpectContinueIsAnswered(t *testing.T) {
	e := start(t, listener.Limits{KeepAlive: true, MaxRequestBytes: 10}, echo)
	c := e.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	c.wantStatus(100)
	c.send("ok")
	if _, body := c.read(); body != "POST / ok" {
		t.Errorf("body %q", body)
	}
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 200\r\nExpect: 100-continue\r\n\r\n")
	if resp := c.wantStatus(413); !resp.Close {
		t.Error("the refusal keeps the connection")
	}
	c.wantEnd(5 * time.Second)
	e.wantGauges(0, 0)
}

func TestPanicsAreAnsweredAndCounted(t *testing.T) {
	e := start(t, keepAlive, func(x listener.Exchange) {
		switch x.Path() {
		case "/panic":
			x.WriteString("half")
			panic("on purpose")
		case "/stream":
			x.SetBodyStream(panicReader{}, 100)
		}
	})
	c := e.dial()
	c.send("GET /panic HTTP/1.1\r\nHost: t\r\n\r\n")
	c.wantStatus(500)
	c.wantEnd(5 * time.Second)
	c = e.dial()
	c.send("GET /stream HTTP/1.1\r\nHost: t\r\n\r\n")
	if _, _, err := c.tryRead(); err == nil {
		t.Error("a whole response although its body panicked")
	}
	c = e.dial()
	c.get("/")
	e.wantGauges(0, 1)
	eventually(t, "both are counted as ours", func() bool { return e.Counters().Load().Failures == listener.Failures{Server: 2} })
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic("on purpose") }

func TestHandlersAreReplacedLive(t *testing.T) {
	e := start(t, keepAlive, hello)
	c := e.dial()
	c.get("/")
	e.SetHandler(func(x listener.Exchange) { x.WriteString("other") })
	if _, body := c.get("/"); body != "other" {
		t.Errorf("body %q, want other", body)
	}
	e.SetHandler(nil)
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	c.wantStatus(404)
}

func TestKeepAliveIsObeyedLive(t *testing.T) {
	e := start(t, keepAlive, hello)
	c := e.dial()
	if resp, _ := c.get("/"); resp.Close {
		t.Error("a response closes its connection")
	}
	e.SetLimits(listener.Limits{})
	if resp, _ := c.get("/"); !resp.Close {
		t.Error("without keep-alive a response keeps its connection")
	}
	c.wantEnd(5 * time.Second)

	e.SetLimits(listener.Limits{KeepAlive: true, MaxIdle: 2})
	cs := e.dialMany(3)
	for _, c := range cs[1:] {
		c.get("/")
	}
	e.wantGauges(0, 3)
	if resp, _ := cs[0].get("/"); !resp.Close {
		t.Error("a third idle connection is kept, want 2")
	}
	e.wantGauges(0, 2)
}

func TestHeaderLimitIsObeyedLive(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, MaxHeaderBytes: 30_000}, hello)
	large := "GET / HTTP/1.1\r\nHost: t\r\nX: " + strings.Repeat("x", 20_000) + "\r\n\r\n"
	c, old := e.dial(), e.dial()
	c.send(large)
	c.wantStatus(200)
	old.get("/")
	e.SetLimits(listener.Limits{KeepAlive: true, MaxHeaderBytes: 10_000})
	c.send(large)
	c.wantStatus(431)
	e.SetLimits(listener.Limits{KeepAlive: true, MaxHeaderBytes: 60_000})
	large = "GET / HTTP/1.1\r\nHost: t\r\nX: " + strings.Repeat("x", 50_000) + "\r\n\r\n"
	c = e.dial()
	c.send(large)
	c.wantStatus(200)
	time.Sleep(1600 * time.Millisecond) // a connection that rests takes up the new buffers
	old.send(large)
	old.wantStatus(200)
}

func TestTooLargeBodiesAreRefused(t *testing.T) {
	var ran atomic.Int32
	e := start(t, listener.Limits{KeepAlive: true, MaxRequestBytes: 20_000}, func(x listener.Exchange) {
		ran.Add(1)
		echo(x)
	})
	c := e.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20001\r\n\r\n") // and no byte of it
	c.wantStatus(413)
	c.wantEnd(5 * time.Second)
	if ran.Load() != 0 {
		t.Error("the handler ran for an announced body that is too large")
	}
	c = e.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4e21\r\n" + strings.Repeat("x", 20001) + "\r\n0\r\n\r\n")
	c.wantStatus(413)
	c.wantEnd(5 * time.Second)

	c = e.dial()
	post := "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 20000)
	c.send(post)
	c.wantStatus(200)
	e.SetLimits(listener.Limits{KeepAlive: true, MaxRequestBytes: 100})
	c.send(post)
	c.wantStatus(413)
	e.wantGauges(0, 0)
}

func TestConnectionsOverTheLimitAreTurnedAway(t *testing.T) {
	e := start(t, listener.Limits{KeepAlive: true, MaxConnections: 2}, hello)
	a, b := e.dial(), e.dial()
	a.get("/")
	b.get("/")
	for range 3 {
		c := e.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		resp := c.wantStatus(503)
		if !resp.Close || resp.Header.Get("Retry-After") == "" {
			t.Errorf("headers %v, want Connection: close and Retry-After", resp.Header)
		}
		c.wantEnd(5 * time.Second)
	}
	e.wantGauges(0, 2)
	got := e.Counters().Load()
	if got.Refused != 3 || got.Accepted != 2 || got.Idle != 2 {
		t.Errorf("%d refused, %d accepted, %d idle; want 3, 2, 2", got.Refused, got.Accepted, got.Idle)
	}
	a.Close()
	e.wantGauges(0, 1)
	eventually(t, "there is room again", func() bool {
		c := e.dial()
		defer c.Close()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		resp, _ := c.read()
		return resp.StatusCode == 200
	})
}

func TestAcceptRateIsObeyedLive(t *testing.T) {
	e := start(t, listener.Limits{KeepAlive: true, AcceptRate: 1}, hello)
	cs := e.dialMany(20)
	eventually(t, "one is accepted", func() bool { return e.Counters().Accepted.Load() >= 1 })
	if n := e.Counters().Accepted.Load(); n > 5 {
		t.Errorf("%d accepted at once, want about 1 per second", n)
	}
	e.SetLimits(keepAlive)
	for _, c := range cs {
		c.get("/")
	}
}

func TestHandedOverConnectionsAreServed(t *testing.T) {
	e := start(t, keepAlive, hello)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c, err := net.Dial("tcp", other.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	accepted, err := other.Accept()
	if err != nil {
		t.Fatal(err)
	}
	e.ServeConn(accepted)
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	if b, _ := io.ReadAll(c); !bytes.HasSuffix(b, []byte("\r\n\r\nhello")) {
		t.Errorf("answered %q", b)
	}
	e.wantGauges(0, 0)
	e.Close()
	ours, theirs := net.Pipe()
	e.ServeConn(theirs)
	if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a connection after Close: %v, want %v", err, io.EOF)
	}
}

func TestHijackedConnectionsStayCountedUntilClosed(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, Write: 50 * time.Millisecond, Response: 50 * time.Millisecond, Idle: 50 * time.Millisecond}, func(x listener.Exchange) {
		ctx, _ := listener.FastHTTP(x)
		ctx.Hijack(func(c net.Conn) { io.Copy(c, c) })
	})
	c := e.dial()
	c.get("/")
	e.wantGauges(1, 0)
	e.wantState(listener.StateHijacked, 1)
	time.Sleep(600 * time.Millisecond) // two looks of the sweeper: nothing may happen
	c.send("ping")
	b := make([]byte, 4)
	if _, err := io.ReadFull(c.r, b); err != nil || string(b) != "ping" {
		t.Fatalf("echo %q, %v", b, err)
	}
	c.Close()
	e.wantGauges(0, 0)
}
