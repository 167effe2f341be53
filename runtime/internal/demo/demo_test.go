package demo_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/demo"
)

func start(t *testing.T) (*demo.Demo, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, err := demo.Start(ctx)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); d.Wait() })
	return d, cancel
}

func parse(t *testing.T, d *demo.Demo) *config.Config {
	t.Helper()
	c, err := config.Parse("demo", []byte(d.Config()))
	if err != nil {
		t.Fatalf("%v\n%s", err, d.Config())
	}
	return c
}

func TestConfigIsWhatTheDemoPromises(t *testing.T) {
	d, _ := start(t)
	c := parse(t, d)
	if len(c.Listeners) != 2 || c.Listeners["hello"].Prefork.Workers != 0 {
		t.Fatalf("got %+v, want hello in process and one other", c.Listeners)
	}
	want := 4
	if goruntime.GOOS == "windows" {
		want = 0
	}
	if got := c.Listeners["web"].Prefork.Workers; got != want {
		t.Errorf("got %d workers for web, want %d", got, want)
	}
	if c.Listeners["web"].Address == c.Listeners["hello"].Address {
		t.Errorf("both listeners are at %s", c.Listeners["web"].Address)
	}
	for name, l := range c.Listeners {
		ln, err := net.Listen("tcp", l.Address)
		if err != nil {
			t.Errorf("%s: its address is not free: %v", name, err)
			continue
		}
		_ = ln.Close()
	}
	for name, b := range c.Pools["api"].Backends {
		resp, err := http.Get(b.URL + "/api/items")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if want := fmt.Sprintf(`{"backend":%q,"path":"/api/items"`, name); resp.StatusCode != 200 || !strings.HasPrefix(string(body), want) {
			t.Errorf("got %d %s, want 200 %s…", resp.StatusCode, body, want)
		}
	}
	if c.Pools["api"].Backends["b"].Weight != 2 {
		t.Error("backend b should weigh 2")
	}
}

func TestTakenPortsAreAvoided(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:8080", "127.0.0.1:8081"} {
		if ln, err := net.Listen("tcp", addr); err == nil {
			defer func() { _ = ln.Close() }()
		}
	}
	d, _ := start(t)
	for name, l := range parse(t, d).Listeners {
		ln, err := net.Listen("tcp", l.Address)
		if err != nil || strings.HasSuffix(l.Address, ":0") {
			t.Errorf("%s: got %s, %v; want a free port", name, l.Address, err)
			continue
		}
		_ = ln.Close()
	}
}

// site is a listener of the demo as the traffic sees it.
type site struct {
	http.Server
	addr  string
	mu    sync.Mutex
	paths map[string]int
	conns map[net.Conn]http.ConnState
	total int // connections ever
}

func open(t *testing.T) *site {
	t.Helper()
	s := &site{paths: map[string]int{}, conns: map[net.Conn]http.ConnState{}}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.paths[r.URL.Path]++
	})
	s.ConnState = func(c net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch s.conns[c] = state; state {
		case http.StateNew:
			s.total++
		case http.StateClosed:
			delete(s.conns, c)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *site) count() (requests, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.paths {
		requests += n
	}
	return requests, len(s.conns)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// directory is where the listeners are at present.
type directory struct {
	mu    sync.Mutex
	where map[string]string
	asked int
}

func (d *directory) set(name, addr string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.where[name] = addr
}

func (d *directory) get() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	out := map[string]string{}
	for k, v := range d.where {
		if v != "" {
			out[k] = v
		}
	}
	return out
}

func TestTrafficReachesBothListenersWhereverTheyAre(t *testing.T) {
	d, _ := start(t)
	web, hello := open(t), open(t)
	at := &directory{where: map[string]string{"web": web.addr, "hello": ":" + hello.addr[strings.LastIndexByte(hello.addr, ':')+1:]}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); d.Traffic(ctx, at.get) }()
	defer func() { cancel(); <-ended }()

	eventually(t, "both listeners should get requests on kept connections", func() bool {
		w, wOpen := web.count()
		h, hOpen := hello.count()
		return w >= 60 && h >= 8 && wOpen >= 8 && hOpen >= 2
	})
	web.mu.Lock()
	paths, total := fmt.Sprint(web.paths), web.total
	proxied := web.paths["/api/items"] + web.paths["/api/orders/7"]
	web.mu.Unlock()
	if proxied == 0 || total > 20 {
		t.Errorf("got %s on %d connections, want some proxied ones and connections kept", paths, total)
	}

	// Stopped: nobody hammers at the closed door.
	at.set("web", "")
	_ = web.Close()
	asked := func() int { at.mu.Lock(); defer at.mu.Unlock(); return at.asked }
	before, since := asked(), time.Now()
	eventually(t, "the traffic should ask again", func() bool { return asked() >= before+20 })
	if passed := time.Since(since); passed < 100*time.Millisecond {
		t.Errorf("asked 20 times within %v, want it to back off", passed)
	}

	// Started again somewhere else.
	moved := open(t)
	at.set("web", moved.addr)
	eventually(t, "the traffic should find the new address", func() bool { n, c := moved.count(); return n >= 20 && c >= 8 })

	cancel()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("traffic outlives its context")
	}
	eventually(t, "its connections should be closed", func() bool { _, a := moved.count(); _, b := hello.count(); return a+b == 0 })
}

func TestNothingIsLeftRunning(t *testing.T) {
	before := goruntime.NumGoroutine()
	d, cancel := start(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Traffic(ctx, func() map[string]string { return nil })
	}()
	eventually(t, "traffic should run", func() bool { return goruntime.NumGoroutine() > before+16 })
	stop()
	<-ended
	cancel()
	d.Wait()
	eventually(t, "goroutines are left", func() bool { return goruntime.NumGoroutine() <= before })
}
