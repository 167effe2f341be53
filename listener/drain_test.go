package listener_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

func TestDrainLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	e := start(t, listener.Limits{KeepAlive: true, ReadHeader: time.Second}, func(x listener.Exchange) {
		if x.Path() == "/wait" {
			<-gate
		}
	})
	busy, idle, fresh := e.dial(), e.dial(), e.dial()
	idle.get("/")
	busy.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
	e.wantState(listener.StateResponse, 1)
	e.wantGauges(1, 2)
	drained := make(chan error, 1)
	go func() {
		forced, err := e.Drain(within(t, 10*time.Second))
		if forced != 0 {
			err = fmt.Errorf("%d forced, %w", forced, err)
		}
		drained <- err
	}()
	if err := <-e.served; !errors.Is(err, listener.ErrServerClosed) {
		t.Errorf("Serve returned %v, want %v", err, listener.ErrServerClosed)
	}
	if resp, _ := idle.get("/"); !resp.Close { // it may still send one
		t.Error("a response during the drain keeps its connection")
	}
	idle.wantEnd(5 * time.Second)
	fresh.wantEnd(5 * time.Second)
	select {
	case err := <-drained:
		t.Fatalf("drained with a request under way: %v", err)
	default:
	}
	close(gate)
	if resp, _ := busy.read(); !resp.Close {
		t.Error("the response of a request under way keeps its connection")
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	e.wantGauges(0, 0)
	if n := e.Counters().TimedOut.Load(); n != 1 {
		t.Errorf("%d timed out, want the one that never sent a request", n)
	}
	if err := e.Serve(listen(t)); !errors.Is(err, listener.ErrServerClosed) {
		t.Errorf("Serve after Drain: %v, want %v", err, listener.ErrServerClosed)
	}
}

func TestDrainAcceptsWhatWaits(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, AcceptRate: 1}, hello)
	cs := e.dialMany(50)
	for _, c := range cs {
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	}
	if forced, err := e.Drain(within(t, 10*time.Second)); forced != 0 || err != nil {
		t.Errorf("%d forced, %v", forced, err)
	}
	for _, c := range cs {
		if _, body := c.read(); body != "hello" {
			t.Errorf("answered %q, want hello", body)
		}
	}
}

func TestDrainEndsByForceWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	defer close(gate)
	e := start(t, listener.Limits{KeepAlive: true, DrainIdle: time.Minute}, func(x listener.Exchange) {
		switch x.Path() {
		case "/wait":
			<-gate
		case "/body":
			io.Copy(io.Discard, x.Body())
		}
	})
	stuck, body, idle := e.dial(), e.dial(), e.dial()
	stuck.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
	body.send("POST /body HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
	idle.get("/")
	e.wantState(listener.StateResponse, 1)
	e.wantState(listener.StateBody, 1)
	e.wantState(listener.StateIdle, 1)
	forced, err := e.Drain(within(t, 200*time.Millisecond))
	if forced != 2 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d forced, %v; want 2, %v", forced, err, context.DeadlineExceeded)
	}
	stuck.wantEnd(5 * time.Second)
	idle.wantEnd(5 * time.Second)
	e.wantGauges(1, 0) // the handler that does not return
}

// Whose first bytes take longer than others may pause, because they were lost or
// because of a handshake, has not had its request yet.
func TestDrainWaitsForTheFirstRequestOfANewConnection(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, DrainIdle: time.Millisecond}, hello)
	idle, fresh := e.dial(), e.dial()
	idle.get("/")
	e.wantGauges(0, 2)
	drained := make(chan error, 1)
	go func() {
		_, err := e.Drain(within(t, 10*time.Second))
		drained <- err
	}()
	idle.wantEnd(5 * time.Second) // so the drain has looked at both
	if resp, body := fresh.get("/"); body != "hello" || !resp.Close {
		t.Errorf("answered %q, closing %v, want hello and a close", body, resp.Close)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestDrainTakesConnectionsHandedOverMeanwhile(t *testing.T) {
	t.Parallel()
	e := start(t, keepAlive, hello)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	e.dial().get("/")
	var answered, refused atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if askOnce(other.Addr().String()) {
					answered.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	go func() {
		for {
			c, err := other.Accept()
			if err != nil {
				return
			}
			e.ServeConn(c)
		}
	}()
	eventually(t, "connections are handed over", func() bool { return answered.Load() > 10 })
	if forced, err := e.Drain(within(t, 10*time.Second)); forced != 0 || err != nil {
		t.Errorf("%d forced, %v", forced, err)
	}
	wg.Wait()
	e.wantGauges(0, 0)
	if n := e.Counters().Requests.Load(); n != uint64(answered.Load())+1 {
		t.Errorf("%d requests counted, %d answered, %d came too late", n, answered.Load()+1, refused.Load())
	}
}

func askOnce(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
	b, err := io.ReadAll(c)
	return err == nil && strings.HasSuffix(string(b), "hello")
}

// Servers take over from each other on slots of one address, each drained while
// keep-alive clients that never retry use it.
func TestDrainUnderLoadLosesNoRequest(t *testing.T) {
	t.Parallel()
	for _, think := range []time.Duration{0, 4 * time.Millisecond, 30 * time.Millisecond} {
		t.Run(think.String(), func(t *testing.T) { drainUnderLoad(t, think) })
	}
}

func drainUnderLoad(t *testing.T, think time.Duration) {
	sockets := open(t, sockets.Options{})
	load := newLoad(sockets.Addr().String(), think)
	slots := []int{0, 1}
	stop := func() {}
	for round := range 10 {
		slot := slots[round%2]
		next := tenant(t, sockets, slot)
		if err := sockets.Steer([]int{slot}); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			load.start(32)
		}
		stop()
		before := load.answered.Load()
		eventually(t, "requests are answered", func() bool { return load.answered.Load() > before+200 })
		stop = next
	}
	load.finish()
	stop()
	t.Logf("%d answered on %d connections, %d failed", load.answered.Load(), load.dialed.Load(), load.failed.Load())
	if n := load.failed.Load(); n != 0 {
		t.Errorf("%d of %d requests failed; the first: %v", n, load.answered.Load()+n, load.first)
	}
}

// tenant serves a slot; the function it gives drains and ends it.
func tenant(t *testing.T, s *sockets.Sockets, slot int) (stop func()) {
	t.Helper()
	ln, err := s.Listener(slot)
	if err != nil {
		t.Fatal(err)
	}
	srv := listener.NewServer(listener.ServerConfig{Name: fmt.Sprint("slot ", slot), Handler: hello, Limits: keepAlive})
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	return func() {
		if forced, err := srv.Drain(within(t, 10*time.Second)); forced != 0 || err != nil {
			t.Errorf("slot %d: %d forced, %v", slot, forced, err)
		}
		<-served
		if got := srv.Counters().Load(); got.Active != 0 || got.Idle != 0 {
			t.Errorf("slot %d: %d active and %d idle after the drain", slot, got.Active, got.Idle)
		}
	}
}

// load is a number of keep-alive clients. Whatever goes wrong is a failure; only
// after a response that announced the end does a client connect again.
type load struct {
	addr                     string
	think                    time.Duration
	answered, failed, dialed atomic.Int64
	once                     sync.Once
	first                    error
	done                     chan struct{}
	wg                       sync.WaitGroup
}

func newLoad(addr string, think time.Duration) *load {
	return &load{addr: addr, think: think, done: make(chan struct{})}
}

func (l *load) start(clients int) {
	for range clients {
		l.wg.Go(l.client)
	}
}

func (l *load) finish() {
	close(l.done)
	l.wg.Wait()
}

func (l *load) fail(err error) {
	l.failed.Add(1)
	l.once.Do(func() { l.first = err })
}

func (l *load) client() {
	for {
		select {
		case <-l.done:
			return
		default:
			if err := l.connection(); err != nil {
				l.fail(err)
			}
		}
	}
}

func (l *load) connection() error {
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	l.dialed.Add(1)
	r := bufio.NewReader(c)
	for {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return fmt.Errorf("body: %w", err)
		}
		l.answered.Add(1)
		if resp.Close {
			return nil
		}
		select {
		case <-l.done:
			return nil
		case <-time.After(l.think):
		}
	}
}
