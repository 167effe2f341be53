package runtime_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/internal/roamer"
	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// certified is the tls block of a config, and who trusts its certificate.
func certified(t *testing.T) (block string, client *tls.Config) {
	t.Helper()
	cert, key, client := pair(t)
	return fmt.Sprintf("{cert_file: %q, key_file: %q}", cert, key), client
}

func quicConfig(block string, workers int) string {
	return fmt.Sprintf(`
version: 1
listeners:
  web:
    address: 127.0.0.1:0
    protocol: quic
    tls: %s
    prefork: {workers: %d}
    routes:
      - {match: "/hello", respond: {body: "Hello, World!\n"}}
      - {match: "GET /stats/connections", stats: {}}
`, block, workers)
}

func getH3(t *testing.T, config *tls.Config, url string) string {
	t.Helper()
	transport := &http3.Transport{TLSClientConfig: config}
	defer transport.Close()
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Proto + " " + string(body)
}

func TestQUICIsServedInProcessAndInWorkers(t *testing.T) {
	block, client := certified(t)
	for _, workers := range []int{0, 2} {
		t.Run(strconv.Itoa(workers), func(t *testing.T) {
			app := open(t, quicConfig(block, workers))
			l := info(t, app, "web")
			if got, want := getH3(t, client, "https://"+l.Address+"/hello"), "HTTP/3.0 Hello, World!\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			l = await(t, app, "web", "the request is counted", func(l control.ListenerInfo) bool {
				return l.Connections.Total == 1 && l.Requests == 1
			})
			if l.Protocol != "quic" || l.Steering != "connection id" {
				t.Errorf("protocol %q, steering %q", l.Protocol, l.Steering)
			}
		})
	}
}

// roam has clients that keep changing their port use web until the returned
// function is called.
func roam(t *testing.T, app *runtime.App, config *tls.Config, clients int, every time.Duration) (load *roamer.Load, stop func() roamer.Result) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	load = roamer.Start(ctx, roamer.Options{
		Address: info(t, app, "web").Address, Path: "/hello", TLS: config, Clients: clients,
		Pause: 10 * time.Millisecond, Move: every,
	})
	return load, func() roamer.Result {
		cancel()
		return load.Wait()
	}
}

// moved waits until each client has changed its port at least once more.
func moved(t *testing.T, load *roamer.Load, clients int) {
	t.Helper()
	moves := load.Result().Moves
	for deadline := time.Now().Add(20 * time.Second); load.Result().Moves <= moves+clients; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("clients do not move: %v", load.Result())
		}
	}
}

func wantNoneLost(t *testing.T, r roamer.Result) {
	t.Helper()
	t.Log(r)
	if r.Failed() > 0 || r.Requests == 0 {
		t.Errorf("with clients that change their port: %v; want requests and no failure", r)
	}
}

func TestQUICSurvivesMovesResizeAndRestart(t *testing.T) {
	block, client := certified(t)
	app := open(t, quicConfig(block, 2))
	clients, moves, every := 12, 1, 300*time.Millisecond
	if os.Getenv("ROAM") != "" { // more of it, by hand
		clients, moves, every = 40, 5, time.Second
	}
	load, stop := roam(t, app, client, clients, every)
	moved(t, load, clients*moves)
	set(t, app, "listeners.web.prefork.workers=4")
	await(t, app, "web", "4 workers", workersReady(4))
	moved(t, load, clients*moves)
	set(t, app, "listeners.web.prefork.workers=2")
	moved(t, load, clients*moves)
	for id := range 2 {
		if _, err := app.Act(t.Context(), control.Action{Kind: control.RestartWorker, Listener: "web", Worker: id}); err != nil {
			t.Errorf("restart of worker %d: %v", id, err)
		}
	}
	await(t, app, "web", "2 workers", workersReady(2))
	moved(t, load, clients*moves)
	wantNoneLost(t, stop())
	await(t, app, "web", "no connections", noConnections)
}

func TestQUICMovesIntoWorkersAndBack(t *testing.T) {
	block, client := certified(t)
	app := open(t, quicConfig(block, 0))
	load, stop := roam(t, app, client, 8, 300*time.Millisecond)
	moved(t, load, 8)
	set(t, app, "listeners.web.prefork.workers=2")
	await(t, app, "web", "2 workers", func(l control.ListenerInfo) bool { return len(l.Workers) == 2 && l.WorkersReady == 2 })
	moved(t, load, 8)
	set(t, app, "listeners.web.prefork.workers=0")
	await(t, app, "web", "no workers", func(l control.ListenerInfo) bool { return len(l.Workers) == 1 })
	moved(t, load, 8)
	wantNoneLost(t, stop())
}

func TestAltSvcComesAndGoesWithQUIC(t *testing.T) {
	block, client := certified(t)
	app := open(t, fmt.Sprintf(`
version: 1
listeners:
  h3: {address: "127.0.0.1:0", protocol: quic, tls: %[1]s}
  web:
    address: 127.0.0.1:0
    protocol: http2
    tls: %[1]s
    routes: [{match: "GET /hello", respond: {body: "Hello"}}]
`, block))
	transport := &http.Transport{TLSClientConfig: client, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	altSvc := func() string {
		resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + info(t, app, "web").Address + "/hello")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.Header.Get("Alt-Svc")
	}
	_, port, _ := net.SplitHostPort(info(t, app, "h3").Address)
	if got, want := altSvc(), `h3=":`+port+`"; ma=3600`; got != want {
		t.Errorf("while HTTP/3 is served: %q, want %q", got, want)
	}
	set(t, app, "listeners.h3.enabled=false")
	if got := altSvc(); got != "clear" {
		t.Errorf("afterwards: %q, want it withdrawn", got)
	}
}

// A client of a worker that was killed learns of it from the worker's successor
// as soon as it says something, and does not wait for its own timeout.
func TestQUICClientsLearnOfACrashAtOnce(t *testing.T) {
	block, client := certified(t)
	app := open(t, quicConfig(block, 1))
	transport := &http3.Transport{TLSClientConfig: client}
	defer transport.Close()
	c := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	get := func() error {
		resp, err := c.Get("https://" + info(t, app, "web").Address + "/hello")
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	pid := info(t, app, "web").Workers[0].PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, app, "web", "another worker", func(l control.ListenerInfo) bool {
		return len(l.Workers) == 1 && l.WorkersReady == 1 && l.Workers[0].PID != pid
	})
	began := time.Now()
	err := get() // fails, unless the client tries again by itself
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the client learned of the crash after %s: %v", took, err)
	}
	if err := get(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
