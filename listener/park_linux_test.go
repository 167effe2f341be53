package listener_test

import (
	goruntime "runtime"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// Connections that rest have no goroutine, and lose nothing by it.
func TestRestingConnectionsNeedNoGoroutine(t *testing.T) {
	const n = 200
	e := start(t, keepAlive, hello)
	before := goruntime.NumGoroutine()
	cs := e.dialMany(n)
	for _, c := range cs {
		c.get("/")
	}
	eventually(t, "the goroutines are gone", func() bool { return goruntime.NumGoroutine() < before+n/10 })
	e.wantGauges(0, n)
	for _, c := range cs[:20] {
		if resp, body := c.get("/"); resp.StatusCode != 200 || body != "hello" {
			t.Fatalf("after a rest: status %d, body %q", resp.StatusCode, body)
		}
	}
	for _, c := range cs[:50] { // some serve, some rest
		c.Close()
	}
	e.wantGauges(0, n-50)
	resting := cs[60]
	id := e.Connections(func(c listener.ConnInfo) bool { return c.Peer == resting.LocalAddr().String() })[0].ID
	e.CloseConnection(id)
	resting.wantEnd(5 * time.Second)
	e.wantGauges(0, n-51)
	e.SetLimits(listener.Limits{KeepAlive: true, Idle: time.Millisecond})
	for _, c := range cs[61:] {
		c.wantEnd(5 * time.Second)
	}
	e.wantGauges(0, 0)
	if got := e.Counters().TimedOut.Load(); got != n-51 {
		t.Errorf("%d timed out, want %d", got, n-51)
	}
}

func TestClosingEndsRestingConnections(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*endpoint){
		"close": func(e *endpoint) { e.Close() },
		"drain": func(e *endpoint) { e.Drain(within(t, 5*time.Second)) },
	} {
		t.Run(name, func(t *testing.T) {
			before := goruntime.NumGoroutine()
			e := start(t, listener.Limits{KeepAlive: true, DrainIdle: time.Millisecond}, hello)
			cs := e.dialMany(100)
			for _, c := range cs {
				c.get("/")
			}
			eventually(t, "they rest", func() bool { return goruntime.NumGoroutine() < before+50 })
			end(e)
			for _, c := range cs {
				c.wantEnd(5 * time.Second)
			}
			e.wantGauges(0, 0)
		})
	}
}
