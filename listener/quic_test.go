package listener_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

func TestQUICCarriesRequests(t *testing.T) {
	s, sockets := startQUIC(t, keepAlive, echo)
	c := newH3Client(t, sockets.Addr())
	if status, body := c.must("GET", "/a%20b", nil); status != 200 || body != "GET /a b " {
		t.Errorf("GET: %d %q", status, body)
	}
	long := strings.Repeat("x", 300<<10)
	if status, body := c.must("POST", "/p", strings.NewReader(long)); status != 200 || body != "POST /p "+long {
		t.Errorf("POST: %d with %d bytes", status, len(body))
	}
	if c.dialled() != 1 {
		t.Errorf("%d connections for two requests, want 1", c.dialled())
	}
	infos := s.Connections(nil)
	if len(infos) != 1 || infos[0].Requests != 2 || infos[0].BytesIn < 300<<10 || infos[0].BytesOut < 300<<10 {
		t.Errorf("inspector: %+v", infos)
	}
	eventually(t, "all is counted", func() bool {
		n := s.Counters().Load()
		return n.Accepted == 1 && n.Requests == 2 && n.Active == 0 && n.Idle == 1 &&
			n.BytesIn > 300<<10 && n.BytesOut > 300<<10 && n.Failures == listener.Failures{}
	})
	if !s.CloseConnection(infos[0].ID) {
		t.Error("the connection was not found")
	}
	eventually(t, "the connection is gone", func() bool { return s.Counters().Load().Idle == 0 })
}

func TestQUICIsActiveWhileARequestIs(t *testing.T) {
	release := make(chan struct{})
	s, sockets := startQUIC(t, keepAlive, func(x listener.Exchange) { <-release })
	c := newH3Client(t, sockets.Addr())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { c.do("GET", "/", nil) })
	}
	eventually(t, "three requests on one active connection", func() bool {
		n := s.Counters().Load()
		return n.Requests == 3 && n.Active == 1 && n.Idle == 0
	})
	close(release)
	wg.Wait()
	eventually(t, "it is idle", func() bool { n := s.Counters().Load(); return n.Active == 0 && n.Idle == 1 })
}

func TestQUICIdleTimeoutIsLive(t *testing.T) {
	s, sockets := startQUIC(t, keepAlive, hello)
	c := newH3Client(t, sockets.Addr())
	c.must("GET", "/", nil)
	s.SetLimits(listener.Limits{KeepAlive: true, Idle: 50 * time.Millisecond})
	eventually(t, "the idle connection is closed", func() bool {
		n := s.Counters().Load()
		return n.Idle == 0 && n.TimedOut == 1
	})
	s.SetLimits(keepAlive)
	if _, body := c.must("GET", "/", nil); body != "hello" || c.dialled() != 2 {
		t.Errorf("afterwards: %q on connection %d, want hello on the second", body, c.dialled())
	}
}

func TestQUICRequestTimeoutsAreLive(t *testing.T) {
	s, sockets := startQUIC(t, keepAlive, echo)
	c := newH3Client(t, sockets.Addr())
	body, feed := io.Pipe()
	defer feed.Close()
	got := make(chan int, 1)
	go func() {
		status, _, _ := c.do("POST", "/", body)
		got <- status
	}()
	feed.Write([]byte("begin"))
	eventually(t, "the request began", func() bool { return s.Counters().Load().Active == 1 })
	s.SetLimits(listener.Limits{KeepAlive: true, Read: 50 * time.Millisecond})
	select {
	case status := <-got:
		if status != http.StatusRequestTimeout {
			t.Errorf("status %d, want 408", status)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("a request that never ends is never answered")
	}
	if n := s.Counters().Load(); n.TimedOut != 1 {
		t.Errorf("%d timed out, want 1", n.TimedOut)
	}
}

func TestQUICLimits(t *testing.T) {
	limits := keepAlive
	limits.MaxConnections, limits.MaxRequestBytes, limits.MaxHeaderBytes = 1, 1000, 2000
	s, sockets := startQUIC(t, limits, echo)
	c := newH3Client(t, sockets.Addr())
	if status, _ := c.must("POST", "/", strings.NewReader(strings.Repeat("x", 1001))); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d, want 413", status)
	}
	if status, _ := c.must("GET", "/"+strings.Repeat("x", 3000), nil); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large header: %d, want 431", status)
	}
	other := newH3Client(t, sockets.Addr())
	if status, _, err := other.do("GET", "/", nil); err == nil {
		t.Errorf("one connection too many got %d", status)
	}
	eventually(t, "the refusal is counted", func() bool { return s.Counters().Load().Refused == 1 })
	if status, _ := c.must("GET", "/", nil); status != 200 {
		t.Errorf("the first connection got %d", status)
	}
	limits.KeepAlive = false
	s.SetLimits(limits)
	c.must("GET", "/", nil)
	eventually(t, "the connection ended with its response", func() bool { return s.Counters().Load().Idle == 0 })
}

func TestQUICPanicsAreAnswered(t *testing.T) {
	s, sockets := startQUIC(t, keepAlive, func(listener.Exchange) { panic("ouch") })
	if status, _ := newH3Client(t, sockets.Addr()).must("GET", "/", nil); status != 500 {
		t.Errorf("status %d, want 500", status)
	}
	eventually(t, "the error is counted", func() bool { return s.Counters().Load().Failures == listener.Failures{Server: 1} })
}

func TestQUICPortIsOnesOwn(t *testing.T) {
	first := openPackets(t, sockets.Options{})
	if s, err := sockets.OpenPackets(context.Background(), first.Addr().String(), sockets.Options{}); err == nil {
		s.Close()
		t.Error("a port that is in use was shared")
	}
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if s, err := sockets.OpenPackets(context.Background(), other.LocalAddr().String(), sockets.Options{}); err == nil {
		s.Close()
		t.Error("somebody else's port was taken")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.PacketConn(0); !errors.Is(err, sockets.ErrClosed) {
		t.Errorf("PacketConn: %v, want %v", err, sockets.ErrClosed)
	}
}

// The request is answered in full although the drain begins while its body is
// on its way, and the client is told to connect anew.
func TestQUICDrainFinishesRequests(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	s, sockets := startQUIC(t, listener.Limits{KeepAlive: true, DrainIdle: 50 * time.Millisecond}, func(x listener.Exchange) {
		close(begun)
		<-release
		x.WriteString(strings.Repeat("y", 1<<20))
	})
	c := newH3Client(t, sockets.Addr())
	type answer struct {
		body string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		_, body, err := c.do("GET", "/", nil)
		got <- answer{body, err}
	}()
	<-begun
	drained := make(chan error, 1)
	go func() {
		_, err := s.Drain(context.Background())
		drained <- err
	}()
	select {
	case <-drained:
		t.Fatal("the drain ended within a request")
	case <-time.After(400 * time.Millisecond):
	}
	close(release)
	if a := <-got; a.err != nil || len(a.body) != 1<<20 {
		t.Errorf("%d bytes, %v; want the whole response", len(a.body), a.err)
	}
	if err := <-drained; err != nil {
		t.Errorf("drain: %v", err)
	}
	if n := s.Counters().Load(); n.Active != 0 || n.Idle != 0 {
		t.Errorf("after the drain %d are active, %d idle", n.Active, n.Idle)
	}
}

func TestQUICDrainEndsByForceWhenItMust(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s, sockets := startQUIC(t, keepAlive, func(x listener.Exchange) { close(begun); <-release })
	go newH3Client(t, sockets.Addr()).do("GET", "/", nil)
	<-begun
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if n, err := s.Drain(ctx); n != 1 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drain: %d, %v; want 1 closed by force", n, err)
	}
}

func TestRequestOfHTTP3WithoutABodyHasNone(t *testing.T) {
	_, sockets := startQUIC(t, keepAlive, func(x listener.Exchange) {
		_, r, _ := listener.NetHTTP(x)
		body, err := io.ReadAll(x.Body())
		fmt.Fprint(x, x.ContentLength(), r.Body == http.NoBody, r.TransferEncoding, string(body), err)
	})
	c := newH3Client(t, sockets.Addr())
	for _, method := range []string{"GET", "OPTIONS", "DELETE"} {
		if _, body := c.must(method, "/", nil); body != "0 true []<nil>" {
			t.Errorf("%s: %q", method, body)
		}
		if _, body := c.must(method, "/", struct{ io.Reader }{strings.NewReader("a body")}); body != "-1 false []a body<nil>" {
			t.Errorf("%s with a body: %q", method, body)
		}
	}
	if _, body := c.must("POST", "/", struct{ io.Reader }{strings.NewReader("a body")}); body != "-1 false []a body<nil>" {
		t.Errorf("POST: %q", body)
	}
}
