package runtime_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// rush opens connections at once, sends a request on each, and tells how many were
// served and how many refused. They stay open.
func rush(t *testing.T, addr string, n int) (served, refused int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { c.Close() })
			c.SetDeadline(time.Now().Add(20 * time.Second))
			c.Write([]byte("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n"))
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			switch resp.StatusCode {
			case http.StatusOK:
				served++
			case http.StatusServiceUnavailable:
				refused++
			}
		})
	}
	wg.Wait()
	return served, refused
}

func openNow(l control.ListenerInfo) int { return int(l.Connections.Active + l.Connections.Idle) }

func TestABoundOfConnectionsIsTheListeners(t *testing.T) {
	for _, steering := range []string{"random", "weighted", "shared"} {
		t.Run(steering, func(t *testing.T) {
			text := strings.Replace(preforked, "prefork: {workers: 4}", "prefork: {workers: 4, steering: "+steering+"}\n    limits: {max_connections: 40}", 1)
			app := open(t, text)
			l := await(t, app, "web", "workers", workersReady(4))
			if served, refused := rush(t, l.Address, 30); served != 30 || refused != 0 {
				t.Errorf("%d of 30 served, %d refused, with room for 40", served, refused)
			}
			if served, refused := rush(t, l.Address, 15); served != 10 || refused != 5 {
				t.Errorf("%d served and %d refused of 15 with room for 10", served, refused)
			}
			set(t, app, "listeners.web.limits.max_connections=42")
			if served, refused := rush(t, l.Address, 3); served != 2 || refused != 1 {
				t.Errorf("%d served and %d refused of 3 with room for 2", served, refused)
			}
		})
	}
}

// Few over many workers: a bound that is split and rounded up lets in too many.
func TestASmallBoundOfConnectionsIsNotRoundedUp(t *testing.T) {
	text := strings.Replace(preforked, "prefork: {workers: 4}", "prefork: {workers: 4}\n    limits: {max_connections: 3}", 1)
	app := open(t, text)
	l := await(t, app, "web", "workers", workersReady(4))
	if served, refused := rush(t, l.Address, 12); served != 3 || refused != 9 {
		t.Errorf("%d served and %d refused of 12, want 3 and 9", served, refused)
	}
}

func TestWhatACrashedWorkerHeldIsFree(t *testing.T) {
	text := strings.Replace(preforked, "prefork: {workers: 4}", "prefork: {workers: 4}\n    limits: {max_connections: 20}", 1)
	app := open(t, text)
	l := await(t, app, "web", "workers", workersReady(4))
	rush(t, l.Address, 20)
	full := await(t, app, "web", "the connections", func(l control.ListenerInfo) bool { return openNow(l) == 20 })
	victim := full.Workers[0]
	for _, w := range full.Workers {
		if w.Connections.Idle > victim.Connections.Idle {
			victim = w
		}
	}
	held := int(victim.Connections.Active + victim.Connections.Idle)
	syscall.Kill(victim.PID, syscall.SIGKILL)
	await(t, app, "web", "its successor", func(l control.ListenerInfo) bool {
		return workersReady(4)(l) && openNow(l) == 20-held
	})
	if served, refused := rush(t, l.Address, held+2); served != held || refused != 2 {
		t.Errorf("%d served and %d refused, with room for the %d of the worker that crashed", served, refused, held)
	}
}

// A rolling restart has two processes for a place for a while; both count.
func TestABoundOfConnectionsHoldsAcrossARestart(t *testing.T) {
	text := strings.Replace(preforked, "prefork: {workers: 4}", "prefork: {workers: 2}\n    limits: {max_connections: 10}", 1)
	app := open(t, text)
	l := await(t, app, "web", "workers", workersReady(2))
	rush(t, l.Address, 10)
	before := processes(info(t, app, "web"))
	if _, err := app.Act(t.Context(), control.Action{Kind: control.RestartWorkers, Listener: "web"}); err != nil {
		t.Fatal(err)
	}
	await(t, app, "web", "other workers", func(l control.ListenerInfo) bool {
		for pid := range processes(l) {
			if before[pid] {
				return false
			}
		}
		return workersReady(2)(l) && openNow(l) == 10
	})
	if served, refused := rush(t, l.Address, 3); served != 0 || refused != 3 {
		t.Errorf("%d served and %d refused of 3, with no room", served, refused)
	}
}
