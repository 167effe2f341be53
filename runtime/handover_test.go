//go:build unix

package runtime_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// patient are keep-alive clients that never retry and never want to connect a
// second time, with pauses from none to long ones.
func patient(t *testing.T, app *runtime.App, clients int) (stop func() rawclient.Result) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var loads []*rawclient.Load
	for _, pause := range []time.Duration{0, 4 * time.Millisecond, 200 * time.Millisecond} {
		loads = append(loads, rawclient.Start(ctx, rawclient.Options{
			Address: info(t, app, "web").Address, Path: "/hello", Clients: clients, Pause: pause, Jitter: pause > 0,
		}))
	}
	return func() rawclient.Result {
		cancel()
		sum := rawclient.Result{Failures: map[string]int{}}
		for _, l := range loads {
			r := l.Wait()
			sum.Requests += r.Requests
			sum.Reconnects += r.Reconnects
			for cause, n := range r.Failures {
				sum.Failures[cause] += n
			}
		}
		return sum
	}
}

// wantUnnoticed checks that no client has seen anything of what was done.
func wantUnnoticed(t *testing.T, r rawclient.Result) {
	t.Helper()
	wantNoFailure(t, r)
	if r.Reconnects > 0 {
		t.Errorf("%d clients had to connect again, want none", r.Reconnects)
	}
}

func restart(t *testing.T, app *runtime.App, worker int) {
	t.Helper()
	if _, err := app.Act(t.Context(), control.Action{Kind: control.RestartWorker, Listener: "web", Worker: worker}); err != nil {
		t.Error(err)
	}
}

func TestRestartsAreNotNoticed(t *testing.T) {
	app := open(t, preforked)
	stop := patient(t, app, 8)
	for id := range 4 {
		restart(t, app, id)
	}
	await(t, app, "web", "4 workers", workersReady(4))
	wantUnnoticed(t, stop())
}

func TestResizesAreNotNoticed(t *testing.T) {
	app := open(t, preforked)
	stop := patient(t, app, 8)
	for range 4 {
		set(t, app, "listeners.web.prefork.workers=1")
		set(t, app, "listeners.web.prefork.workers=4")
	}
	await(t, app, "web", "4 workers", workersReady(4))
	wantUnnoticed(t, stop())
}

func TestMovesBetweenMasterAndWorkersAreNotNoticed(t *testing.T) {
	app := open(t, inProcess)
	stop := patient(t, app, 6)
	for range 3 {
		set(t, app, "listeners.web.prefork.workers=2")
		await(t, app, "web", "2 workers", workersReady(2))
		set(t, app, "listeners.web.prefork.workers=0")
		await(t, app, "web", "the master", workersReady(1))
	}
	wantUnnoticed(t, stop())
}

// keptClient is one connection that is used now and then.
type keptClient struct {
	net.Conn
	r *bufio.Reader
}

func (c keptClient) get() error {
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprint(c, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.Close {
		return fmt.Errorf("status %d, close %v", resp.StatusCode, resp.Close)
	}
	return nil
}

// connectMany opens connections that have had one request each.
func connectMany(t *testing.T, app *runtime.App, n int) []keptClient {
	t.Helper()
	address := info(t, app, "web").Address
	cs := make([]keptClient, n)
	all(t, n, func(i int) error {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		cs[i] = keptClient{c, bufio.NewReaderSize(c, 512)}
		return cs[i].get()
	})
	t.Cleanup(func() {
		for _, c := range cs {
			c.Close()
		}
	})
	return cs
}

// all calls f with the numbers below n, some at a time, and counts errors.
func all(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed, first := 0, error(nil)
	next := make(chan int)
	for range 32 {
		wg.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					mu.Lock()
					failed, first = failed+1, err
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	if failed > 0 {
		t.Fatalf("%d of %d failed, one of them: %v", failed, n, first)
	}
}

func TestIdleConnectionsMoveToTheNewWorker(t *testing.T) {
	const n = 2000
	app := open(t, strings.Replace(preforked, "workers: 4", "workers: 2", 1))
	cs := connectMany(t, app, n)
	before := await(t, app, "web", "all at rest", func(l control.ListenerInfo) bool { return l.Connections.Idle == n })
	old := before.Workers[0]
	began := time.Now()
	restart(t, app, 0)
	after := await(t, app, "web", "the old worker gone", workersReady(2))
	t.Logf("%d connections moved within %v of the restart's begin", old.Connections.Idle, time.Since(began))
	if got, want := after.Workers[0].Connections.Idle, old.Connections.Idle; got != want || after.Workers[0].PID == old.PID {
		t.Errorf("the new worker has %d idle connections, want the %d of the old one", got, want)
	}
	if after.Connections.Total != before.Connections.Total || after.Connections.Idle != n {
		t.Errorf("%d accepted in all and %d idle, want %d and %d as before", after.Connections.Total, after.Connections.Idle, before.Connections.Total, n)
	}
	all(t, n, func(i int) error { return cs[i].get() })
	page, err := app.Connections(t.Context(), control.Query{Listener: "web", Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range page.Connections {
		if c.Requests != 2 || c.Opened.After(began) {
			t.Fatalf("connection %+v, want 2 requests and a time before the restart", c)
		}
	}
}
