package pool_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

func TestUpdateUnderLoadFailsNothing(t *testing.T) {
	var backends []pool.BackendConfig
	for _, name := range []string{"a", "b", "c"} {
		b := startBackend(t, says(name))
		backends = append(backends, pool.BackendConfig{Name: name, URL: b.URL})
	}
	c := pool.Config{Name: "api", MaxConns: 4, MaxWait: 10 * time.Second, IdleTimeout: time.Minute, Backends: backends}
	p := newPool(t, c)
	addr, cl := serve(t, p), client(t)

	var done atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if i%4 == 0 {
					post(t, cl, "http://"+addr+"/")
				} else if status, body := get(t, cl, "http://"+addr+"/"); status != 200 {
					t.Errorf("got %d %q during an update", status, body)
				}
				done.Add(1)
			}
		})
	}
	for i := range 30 {
		n := c
		n.MaxConns = 1 + i%5
		n.Balance = []string{pool.LeastConnections, pool.RoundRobin, pool.Random}[i%3]
		n.Backends = append([]pool.BackendConfig(nil), backends[i%3:]...)
		n.Backends[0].Weight = 1 + i%4
		if err := p.Update(n); err != nil {
			t.Fatal(err)
		}
		from := done.Load()
		eventually(t, func() string {
			if done.Load() < from+20 {
				return "requests do not get on"
			}
			return ""
		})
	}
	close(stop)
	wg.Wait()
	eventually(t, settled(p))
}

func post(t testing.TB, cl *http.Client, url string) {
	resp, err := cl.Post(url, "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("got %d to a POST during an update", resp.StatusCode)
	}
}

func TestUpdateKeepsWhatStays(t *testing.T) {
	a, b := startBackend(t, says("a")), startBackend(t, says("b"))
	var cell pool.Counters
	c := pool.Config{Name: "api", Balance: pool.RoundRobin, Backends: []pool.BackendConfig{
		{Name: "a", URL: a.URL, Counters: &cell}, {Name: "b", URL: b.URL},
	}}
	p := newPool(t, c)
	for range 4 {
		if err := do(p, context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	c.Backends = []pool.BackendConfig{{Name: "a", URL: a.URL, Weight: 5}}
	if err := p.Update(c); err != nil {
		t.Fatal(err)
	}
	if err := do(p, context.Background()); err != nil {
		t.Fatal(err)
	}
	if hits, open, _ := a.count(); hits != 3 || open != 1 || cell.Requests.Load() != 3 || cell.Open.Load() != 1 {
		t.Fatalf("backend that stayed: %d requests on %d connections, counted %+v; want 3 on its one", hits, open, cell.Load())
	}
	eventually(t, func() string {
		if _, open, _ := b.count(); open != 0 {
			return "a backend that was removed still has a connection"
		}
		return ""
	})
}

func TestRemovedBackendFinishesItsRequests(t *testing.T) {
	g, other := startGate(t), startBackend(t, says("other"))
	var cell pool.Counters
	c := pool.Config{Name: "api", Backends: []pool.BackendConfig{{Name: "a", URL: g.URL, Counters: &cell}}}
	p := newPool(t, c)
	result := make(chan error, 1)
	go func() { result <- do(p, context.Background()) }()
	<-g.entered
	c.Backends = []pool.BackendConfig{{Name: "b", URL: other.URL}}
	if err := p.Update(c); err != nil {
		t.Fatal(err)
	}
	if cell.Active.Load() != 1 {
		t.Fatalf("got %+v, want the request still under way", cell.Load())
	}
	g.open()
	if err := <-result; err != nil {
		t.Fatalf("request on a removed backend: %v", err)
	}
	if got := cell.Load(); got.Open != 0 || got.Active != 0 {
		t.Fatalf("got %+v, want its connection closed", got)
	}
}

func TestCloseLeavesNothingOpen(t *testing.T) {
	g := startGate(t)
	var cell pool.Counters
	p := newPool(t, pool.Config{MaxConns: 2, MaxWait: time.Minute, Backends: []pool.BackendConfig{{Name: "a", URL: g.URL, Counters: &cell}}})
	results := make(chan error, 3)
	for range 3 {
		go func() { results <- do(p, context.Background()) }()
	}
	<-g.entered
	<-g.entered
	eventually(t, func() string {
		if p.Stats().Waiting != 1 {
			return "nobody waits"
		}
		return ""
	})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-results; !errors.Is(err, pool.ErrClosed) {
		t.Fatalf("got %v for the one who waited, want ErrClosed", err)
	}
	g.open()
	for range 2 {
		if err := <-results; err != nil {
			t.Fatalf("request under way when the pool was closed: %v", err)
		}
	}
	if got := cell.Load(); got.Open != 0 || got.Active != 0 {
		t.Fatalf("got %+v, want nothing open", got)
	}
	eventually(t, func() string {
		if _, open, _ := g.count(); open != 0 {
			return "backend still sees connections"
		}
		return ""
	})
	if err := do(p, context.Background()); !errors.Is(err, pool.ErrClosed) {
		t.Fatalf("got %v, want ErrClosed", err)
	}
}

func TestRefusedConfigChangesNothing(t *testing.T) {
	b := startBackend(t, says("b"))
	good := pool.Config{Name: "api", Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}}
	p := newPool(t, good)
	for name, edit := range map[string]func(*pool.Config){
		"balance":      func(c *pool.Config) { c.Balance = "fair" },
		"no backends":  func(c *pool.Config) { c.Backends = nil },
		"https":        func(c *pool.Config) { c.Backends[0].URL = "https://x:1" },
		"path":         func(c *pool.Config) { c.Backends[0].URL = "http://x:1/path" },
		"no host":      func(c *pool.Config) { c.Backends[0].URL = "http://:80" },
		"no url":       func(c *pool.Config) { c.Backends[0].URL = "127.0.0.1:80" },
		"weight":       func(c *pool.Config) { c.Backends[0].Weight = -1 },
		"bound":        func(c *pool.Config) { c.MaxConns = -1 },
		"duration":     func(c *pool.Config) { c.ReadTimeout = -1 },
		"twice a name": func(c *pool.Config) { c.Backends = append(c.Backends, c.Backends[0]) },
	} {
		bad := good
		bad.Backends = append([]pool.BackendConfig(nil), good.Backends...)
		edit(&bad)
		if err := p.Update(bad); err == nil || !strings.HasPrefix(err.Error(), "pool api: ") {
			t.Errorf("%s: got %v, want an error that names the pool", name, err)
		}
		if err := do(p, context.Background()); err != nil {
			t.Errorf("%s: a refused config broke the pool: %v", name, err)
		}
	}
}

func TestBackendByName(t *testing.T) {
	b := startBackend(t, says("b"))
	url := strings.Replace(b.URL, "127.0.0.1", "localhost", 1)
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	if err := do(p, context.Background()); err != nil {
		t.Fatal(err)
	}
}
