//go:build unix

package runtime_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// idleConnections opens keep-alive connections that have made one request each.
func idleConnections(t *testing.T, address string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		conns[i] = c
	}
	return conns
}

func TestTimeoutEditReachesOpenConnections(t *testing.T) {
	for name, text := range map[string]string{"in process": inProcess, "preforked": preforked} {
		t.Run(name, func(t *testing.T) {
			const n = 200
			app := open(t, text)
			conns := idleConnections(t, info(t, app, "web").Address, n)
			await(t, app, "web", "idle connections", func(l control.ListenerInfo) bool {
				return l.Connections.Idle == n && l.Connections.Active == 0
			})
			stop := load(t, app, 4) // busy, with pauses far below the new timeout
			edited := time.Now()
			set(t, app, "listeners.web.timeouts.idle=1s")
			for _, c := range conns {
				c.SetReadDeadline(time.Now().Add(10 * time.Second))
				if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Fatalf("an idle connection read %d bytes and %v, want a clean end", n, err)
				}
			}
			t.Logf("%d idle connections ended %v after the edit", n, time.Since(edited).Round(time.Millisecond))
			wantNoFailure(t, stop())
			if got := info(t, app, "web").Connections.TimedOut; got != n {
				t.Errorf("timed out %d, want %d", got, n)
			}
		})
	}
}

// A plan counts what a shorter timeout is about to end, and then that happens.
func TestPlanCountsWhatAShorterTimeoutEnds(t *testing.T) {
	const n = 20
	app := open(t, preforked)
	conns := idleConnections(t, info(t, app, "web").Address, n)
	change := control.Change{Patch: patch("listeners.web.timeouts.idle=100ms")}
	drained := 0
	for deadline := time.Now().Add(10 * time.Second); drained < n && time.Now().Before(deadline); {
		p, err := app.Plan(t.Context(), change)
		if err != nil {
			t.Fatal(err)
		}
		drained = p.Listeners[0].Drained
	}
	if drained != n {
		t.Fatalf("the plan ends %d connections, want %d", drained, n)
	}
	set(t, app, "listeners.web.timeouts.idle=100ms")
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("an idle connection read %v, want its end", err)
		}
	}
}

func TestBackendsThatGoAndComeAreEvents(t *testing.T) {
	t.Parallel()
	backend := freeAddress(t)
	app := open(t, strings.Replace(inProcess, "routes:", "routes:\n      - {match: /api/, proxy: {pool: api}}", 1)+
		"pools: {api: {backends: {a: {url: 'http://"+backend+"'}}}}\n")
	url := "http://" + info(t, app, "web").Address + "/api/"
	told := func(what string) bool {
		s, err := app.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range s.Events {
			if strings.Contains(e.Message, "backend api/a is "+what) {
				return true
			}
		}
		return false
	}
	wait := func(what string) {
		t.Helper()
		for deadline := time.Now().Add(15 * time.Second); !told(what); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no event says that the backend is %s", what)
			}
		}
	}
	get(t, url)
	get(t, url)
	wait("down")
	ln, err := net.Listen("tcp", backend)
	if err != nil {
		t.Skip(err) // somebody else has taken the port
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go server.Serve(ln)
	defer server.Close()
	wait("up again")
}

// Counts are what the kernel says of the processes, under load and at rest.
func TestCountsEqualTheKernels(t *testing.T) {
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Skip("needs /proc/net/tcp")
	}
	app := open(t, preforked)
	address := info(t, app, "web").Address
	idleConnections(t, address, 40)
	l := await(t, app, "web", "40 idle", func(l control.ListenerInfo) bool { return l.Connections.Idle == 40 })
	kernel := establishedByPID(t, address, l.Workers)
	for _, w := range l.Workers {
		if got, want := int(w.Connections.Active+w.Connections.Idle), kernel[w.PID]; got != want {
			t.Errorf("worker %d counts %d open connections, the kernel %d", w.ID, got, want)
		}
	}
	stop := load(t, app, 16)
	await(t, app, "web", "50 connections", func(l control.ListenerInfo) bool {
		return l.Connections.Active+l.Connections.Idle >= 50
	})
	wantNoFailure(t, stop())
	await(t, app, "web", "40 idle again", func(l control.ListenerInfo) bool {
		return l.Connections.Idle == 40 && l.Connections.Active == 0
	})
}

// establishedByPID counts connections in state ESTABLISHED with that local
// address among the descriptors of each worker.
func establishedByPID(t *testing.T, address string, workers []control.WorkerInfo) map[int]int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	var number int
	fmt.Sscan(port, &number)
	inodes := map[string]bool{}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 9 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", number)) && f[3] == "01" {
			inodes["socket:["+f[9]+"]"] = true
		}
	}
	counts := map[int]int{}
	for _, w := range workers {
		fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", w.PID))
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			if target, err := os.Readlink(fd); err == nil && inodes[target] {
				counts[w.PID]++
			}
		}
	}
	return counts
}

func TestStatsRouteAnswersForAllWorkers(t *testing.T) {
	app := open(t, preforked)
	address := info(t, app, "web").Address
	idleConnections(t, address, 30)
	deadline := time.Now().Add(10 * time.Second)
	for {
		body := get(t, "http://"+address+"/stats/connections")
		if strings.HasPrefix(body, `{"active_connections":1,`) && strings.HasSuffix(body, `"idle_connections":30}`+"\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("stats answered %s, want 1 active and 30 idle connections", body)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestStopRefusesAndStartServesAgain(t *testing.T) {
	app := open(t, strings.Replace(preforked, "127.0.0.1:0", freeAddress(t), 1))
	address := info(t, app, "web").Address
	total := func() uint64 { return info(t, app, "web").Requests }
	get(t, "http://"+address+"/hello")
	for range 3 {
		before := total()
		set(t, app, "listeners.web.enabled=false")
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			c.Close()
			t.Fatal("a stopped listener accepted a connection")
		}
		set(t, app, "listeners.web.enabled=true")
		if got := get(t, "http://"+address+"/hello"); got != "Hello, World!\n" {
			t.Fatalf("got %q", got)
		}
		if after := total(); after < before+1 {
			t.Fatalf("requests went from %d to %d: counters must survive a stop", before, after)
		}
	}
}

// The new address may be the old port on another host: then the port is ours.
func TestAddressMayWidenOnTheSamePort(t *testing.T) {
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	app := open(t, strings.Replace(preforked, "127.0.0.1:0", address, 1))
	stop := load(t, app, 8)
	for _, to := range []string{"0.0.0.0:" + port, address, "0.0.0.0:" + port} {
		set(t, app, "listeners.web.address='"+to+"'")
		if got := get(t, "http://"+address+"/hello"); got != "Hello, World!\n" {
			t.Fatalf("at %s: got %q", to, got)
		}
	}
	wantNoFailure(t, stop())
}

func freeAddress(t *testing.T) string {
	t.Helper()
	// Below the ports that the system gives to clients, or one of them could take it.
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

func TestFailedApplyLeavesNoTrace(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	app := open(t, preforked)
	before := stable(t, app)
	_, err = app.Apply(t.Context(), control.Change{Patch: patch(
		"listeners.web.timeouts.idle=7s",
		"listeners.web.prefork.workers=6",
		"listeners.zeta={address: '"+taken.Addr().String()+"', routes: []}",
	)})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("applying a taken address: %v, want it refused", err)
	}
	await(t, app, "web", "4 workers", workersReady(4))
	if after := stable(t, app); after != before {
		t.Errorf("a refused change left a trace:\nbefore %s\nafter  %s", before, after)
	}
	wantNoFailure(t, loadFor(t, app, 4, 100))
}

// stable is what of the state does not depend on traffic or time.
func stable(t *testing.T, app *runtime.App) string {
	t.Helper()
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "generation %d, config %s %v", s.Generation, s.Config.State, s.Config.Overrides)
	for _, l := range s.Listeners {
		fmt.Fprintf(&b, "; %s %s %s %d/%d %+v", l.Name, l.Address, l.State, l.WorkersReady, l.WorkersWanted, l.Timeouts)
		for _, w := range l.Workers {
			fmt.Fprintf(&b, " %d:%d", w.ID, w.PID)
		}
	}
	return b.String()
}
