//go:build unix

package runtime_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// load runs keep-alive and short clients that never retry against web until the
// returned function is called, which returns their joint result. The first
// requests have been answered when load returns.
func load(t *testing.T, app *runtime.App, clients int) (stop func() rawclient.Result) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	web := info(t, app, "web")
	address := web.Address
	o := rawclient.Options{Address: address, Path: "/hello", Clients: clients, Pause: time.Millisecond}
	keepAlive := rawclient.Start(ctx, o)
	o.Short, o.Clients = true, max(1, clients/8)
	short := rawclient.Start(ctx, o)
	await(t, app, "web", "answered requests", func(l control.ListenerInfo) bool {
		return l.Requests >= web.Requests+uint64(clients)
	})
	return func() rawclient.Result {
		cancel()
		r, s := keepAlive.Wait(), short.Wait()
		r.Requests += s.Requests
		for cause, n := range s.Failures {
			r.Failures["short connection: "+cause] += n
		}
		return r
	}
}

func wantNoFailure(t *testing.T, r rawclient.Result) {
	t.Helper()
	t.Log(r)
	if r.Failed() > 0 || r.Requests == 0 {
		t.Errorf("under clients that never retry: %v, want requests and no failure", r)
	}
}

func TestResizeUnderLoadLosesNothing(t *testing.T) {
	app := open(t, preforked)
	stop := load(t, app, 32)
	for range 8 {
		set(t, app, "listeners.web.prefork.workers=1")
		set(t, app, "listeners.web.prefork.workers=4")
	}
	await(t, app, "web", "4 workers", workersReady(4))
	wantNoFailure(t, stop())
	await(t, app, "web", "no connections", noConnections)
}

func TestRestartOfEachWorkerUnderLoadLosesNothing(t *testing.T) {
	app := open(t, preforked)
	stop := load(t, app, 32)
	for id := range 4 {
		if _, err := app.Act(t.Context(), control.Action{Kind: control.RestartWorker, Listener: "web", Worker: id}); err != nil {
			t.Error(err)
		}
	}
	await(t, app, "web", "4 workers", workersReady(4))
	wantNoFailure(t, stop())
}

// A client that thinks for a tenth of a second between two requests has the time
// to learn that its connection ends: each gets a last response that says so.
func TestAMoveWaitsForClientsThatThink(t *testing.T) {
	for name, text := range map[string]string{"in process": inProcess, "preforked": preforked} {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			app := open(t, strings.Replace(text, "127.0.0.1:0", address, 1))
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			l := rawclient.Start(ctx, rawclient.Options{Address: address, Path: "/hello", Clients: 20, Pause: 100 * time.Millisecond})
			await(t, app, "web", "20 clients", func(l control.ListenerInfo) bool { return l.Requests >= 20 })
			_, port, _ := net.SplitHostPort(address)
			set(t, app, "listeners.web.address='0.0.0.0:"+port+"'")
			awaitEvent(t, app, "no longer on "+address)
			stop()
			if r := l.Wait(); r.Failed() > 0 || r.Reconnects != 20 {
				t.Errorf("%v, want no failure and 20 reconnects", r)
			}
		})
	}
}

func TestMoveBetweenMasterAndWorkersLosesNothing(t *testing.T) {
	app := open(t, inProcess)
	stop := load(t, app, 16)
	for range 4 {
		set(t, app, "listeners.web.prefork.workers=2")
		set(t, app, "listeners.web.prefork.workers=0")
	}
	await(t, app, "web", "one server", workersReady(1))
	wantNoFailure(t, stop())
}

func TestLiveEditsUnderLoadLoseNothing(t *testing.T) {
	app := open(t, preforked)
	stop := load(t, app, 16)
	for i := range 10 {
		set(t, app, fmt.Sprintf("listeners.web.timeouts.idle=%ds", 60+i),
			fmt.Sprintf("listeners.web.limits.max_request_bytes=%dKiB", 1+i))
	}
	wantNoFailure(t, stop())
}

// A killed worker takes down what it had accepted, and nothing else: no client
// is refused, and nothing waits in a queue that nobody serves.
func TestKilledWorkersLoseOnlyWhatTheyHadAccepted(t *testing.T) {
	app := open(t, preforked)
	stop := load(t, app, 32)
	accepted := 0
	for id := range 4 {
		l := await(t, app, "web", "4 workers", workersReady(4))
		w := l.Workers[id]
		accepted += int(w.Connections.Active+w.Connections.Idle) + 8 // and what it accepts until it dies
		if err := syscall.Kill(w.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, app, "web", "the replacement", func(l control.ListenerInfo) bool {
			return l.WorkersReady == 4 && l.Workers[id].PID != w.PID && l.Workers[id].Restarts == w.Restarts+1
		})
	}
	r := stop()
	t.Log(r)
	if r.Failed() > accepted {
		t.Errorf("%v, want at most the %d that the killed workers had accepted", r, accepted)
	}
	for cause, n := range r.Failures {
		if cause == "connect: connection refused" || cause == "read: timeout" || cause == "connect: timeout" {
			t.Errorf("%d × %s: a kill must not refuse or strand a client", n, cause)
		}
	}
	await(t, app, "web", "no connections", noConnections)
}

func TestAddressChangeUnderLoadLosesNothingOnTheOldOne(t *testing.T) {
	for name, text := range map[string]string{"in process": inProcess, "preforked": preforked} {
		t.Run(name, func(t *testing.T) {
			app := open(t, text)
			old := info(t, app, "web").Address
			ctx, cancel := context.WithCancel(t.Context())
			l := rawclient.Start(ctx, rawclient.Options{Address: old, Path: "/hello", Clients: 8, Pause: time.Millisecond})
			for l.Result().Requests < 100 {
				time.Sleep(time.Millisecond)
			}
			// New connections to the old address are refused from some moment on,
			// as they must be; requests on accepted ones are not lost.
			set(t, app, "listeners.web.address=127.0.0.2:0")
			cancel()
			r := l.Wait()
			t.Log(r)
			for cause, n := range r.Failures {
				if cause != "connect: connection refused" {
					t.Errorf("%d × %s, want nothing but refused connects", n, cause)
				}
			}
			wantNoFailure(t, loadFor(t, app, 8, 200))
		})
	}
}

// A stop refuses who comes after it, and resets nobody who came before.
func TestStopUnderLoadResetsNobody(t *testing.T) {
	for name, text := range map[string]string{"in process": inProcess, "preforked": preforked} {
		t.Run(name, func(t *testing.T) {
			app := open(t, strings.Replace(text, "127.0.0.1:0", freeAddress(t), 1))
			stop := load(t, app, 16)
			for range 3 {
				served(t, app, 200)
				set(t, app, "listeners.web.enabled=false")
				set(t, app, "listeners.web.enabled=true")
			}
			served(t, app, 200)
			r := stop()
			t.Log(r)
			for cause, n := range r.Failures {
				if !strings.HasSuffix(cause, "connect: connection refused") {
					t.Errorf("%d × %s, want nothing but refused connects", n, cause)
				}
			}
		})
	}
}

// served waits until web has answered so many more requests.
func served(t *testing.T, app *runtime.App, n uint64) {
	t.Helper()
	before := info(t, app, "web").Requests
	await(t, app, "web", "requests", func(l control.ListenerInfo) bool { return l.Requests >= before+n })
}

// What was stopped before the shutdown, and still drains, is waited for too: its
// connections would end with the process.
func TestShutdownWaitsForWhatWasStoppedBefore(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		fmt.Fprint(w, "at last")
	}))
	defer backend.Close()
	app := open(t, strings.Replace(inProcess, "routes:", "routes:\n      - {match: /api/, proxy: {pool: api}}", 1)+
		"pools: {api: {backends: {a: {url: '"+backend.URL+"'}}}}\n")
	url := "http://" + info(t, app, "web").Address + "/api/"
	body := make(chan string, 1)
	go func() { body <- get(t, url) }()
	<-arrived
	set(t, app, "listeners.web.enabled=false")
	down := make(chan struct{})
	go func() {
		defer close(down)
		app.Shutdown(context.Background())
	}()
	select {
	case <-down:
		t.Error("the shutdown was over while a request of a stopped listener was under way")
	case <-time.After(200 * time.Millisecond): // that long it would not need
	}
	close(release)
	<-down
	if got := <-body; got != "at last" {
		t.Errorf("got %q, want the answer", got)
	}
}

// loadFor runs a load until it has answered so many requests.
func loadFor(t *testing.T, app *runtime.App, clients, requests int) rawclient.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l := rawclient.Start(ctx, rawclient.Options{Address: info(t, app, "web").Address, Path: "/hello", Clients: clients})
	for l.Result().Requests < requests && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	cancel()
	return l.Wait()
}
