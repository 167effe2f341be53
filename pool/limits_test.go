package pool_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

// gate is a backend that holds requests until told to let them go.
type gate struct {
	*backend
	entered, leave chan struct{}
	once           sync.Once
}

func startGate(t testing.TB) *gate {
	g := &gate{entered: make(chan struct{}, 100), leave: make(chan struct{})}
	g.backend = startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		g.entered <- struct{}{}
		<-g.leave
	})
	t.Cleanup(g.open)
	return g
}

// open lets all go, now and later.
func (g *gate) open() { g.once.Do(func() { close(g.leave) }) }

func TestWaitersAreServedInOrder(t *testing.T) {
	g := startGate(t)
	p := newPool(t, pool.Config{MaxConns: 1, MaxWait: 10 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: g.URL}}})
	done := make(chan int, 8)
	for i := range 8 {
		go func() { _ = do(p, context.Background()); done <- i }()
		eventually(t, func() string {
			if s := p.Stats(); s.Waiting+int(s.Totals().Active) != i+1 {
				return "a request neither runs nor waits"
			}
			return ""
		})
	}
	for want := range 8 {
		g.leave <- struct{}{}
		if got := <-done; got != want {
			t.Fatalf("request %d was served in place of %d", got, want)
		}
	}
}

func TestMaxConnsIsABound(t *testing.T) {
	g := startGate(t)
	p := newPool(t, pool.Config{MaxConns: 2, MaxWait: 10 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: g.URL}}})
	results := make(chan error, 6)
	for range 6 {
		go func() { results <- do(p, context.Background()) }()
	}
	eventually(t, func() string {
		if s := p.Stats(); s.Waiting != 4 || s.Totals().Active != 2 {
			return "want 2 requests active and 4 waiting"
		}
		return ""
	})
	if _, open, _ := g.count(); open != 2 {
		t.Fatalf("backend sees %d connections, want 2", open)
	}
	g.open()
	for range 6 {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	got := p.Stats().Totals()
	if got.WaitCount != 4 || got.WaitNanos == 0 || got.Active != 0 || got.Open != 2 {
		t.Fatalf("got %+v, want 4 waits and 2 idle connections", got)
	}
}

func TestExhaustedPool(t *testing.T) {
	g := startGate(t)
	p := newPool(t, pool.Config{MaxConns: 1, MaxWait: 30 * time.Millisecond, Backends: []pool.BackendConfig{{Name: "a", URL: g.URL}}})
	addr, cl := serve(t, p), client(t)
	first := make(chan error, 1)
	go func() { first <- do(p, context.Background()) }()
	<-g.entered

	if err := do(p, context.Background()); !errors.Is(err, pool.ErrExhausted) {
		t.Fatalf("got %v, want ErrExhausted", err)
	}
	resp, err := cl.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("got %d, Retry-After %q; want 503 and one", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := do(p, ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if s := p.Stats(); s.Totals().WaitCount != 3 || s.Totals().Errors != 0 || s.Waiting != 0 {
		t.Fatalf("got %+v, want 3 waits, nobody waiting, and no error of the backend", s)
	}
	g.leave <- struct{}{}
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	go func() { g.leave <- struct{}{} }()
	if err := do(p, context.Background()); err != nil {
		t.Fatalf("got %v after the permit came back, want none", err)
	}
}

func TestRaisedLimitServesWaiters(t *testing.T) {
	g := startGate(t)
	c := pool.Config{Name: "api", MaxConns: 1, MaxWait: 10 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: g.URL}}}
	p := newPool(t, c)
	results := make(chan error, 4)
	for range 4 {
		go func() { results <- do(p, context.Background()) }()
	}
	eventually(t, func() string {
		if p.Stats().Waiting != 3 {
			return "want 3 waiting"
		}
		return ""
	})
	c.MaxConns = 3
	if err := p.Update(c); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-g.entered
	}
	g.open()
	for range 4 {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	c.MaxConns = 1
	if err := p.Update(c); err != nil {
		t.Fatal(err)
	}
	if got := p.Stats().Totals(); got.Open != 1 {
		t.Fatalf("got %d open after the bound fell to 1", got.Open)
	}
}

func TestCancelledRequestLeavesNothingBehind(t *testing.T) {
	g := startGate(t)
	p := newPool(t, pool.Config{MaxConns: 1, Backends: []pool.BackendConfig{{Name: "a", URL: g.URL}}})
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- do(p, ctx) }()
	<-g.entered
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if got := p.Stats().Totals(); got.Active != 0 || got.Open != 0 {
		t.Fatalf("got %+v, want nothing open", got)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := do(p, ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want context.DeadlineExceeded", err)
	}
}

func TestSilentBackendTimesOut(t *testing.T) {
	g := startGate(t)
	p := newPool(t, pool.Config{ReadTimeout: 50 * time.Millisecond, Backends: []pool.BackendConfig{{Name: "a", URL: g.URL}}})
	addr, cl := serve(t, p), client(t)
	status, body := get(t, cl, "http://"+addr+"/")
	if status != 504 || body != "pool api: backend did not answer in time\n" {
		t.Fatalf("got %d %q, want 504", status, body)
	}
	if err := do(p, context.Background()); !errors.Is(err, pool.ErrTimeout) {
		t.Fatalf("got %v, want ErrTimeout", err)
	}
	if hits, _, _ := g.count(); hits != 2 {
		t.Fatalf("backend got %d requests, want 2: one that timed out is not repeated", hits)
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	b := startBackend(t, says("x"))
	c := pool.Config{Name: "api", IdleTimeout: time.Hour, Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}}
	p := newPool(t, c)
	if err := do(p, context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Run("when the backend closes them", func(t *testing.T) {
		b.CloseClientConnections()
		eventually(t, func() string {
			if p.Stats().Totals().Open != 0 {
				return "a connection the backend closed is counted as open"
			}
			return ""
		})
	})
	if err := do(p, context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Run("when the timeout, edited since, has passed", func(t *testing.T) {
		c.IdleTimeout = 10 * time.Millisecond
		if err := p.Update(c); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() string {
			if _, open, _ := b.count(); open != 0 || p.Stats().Totals().Open != 0 {
				return "an idle connection outlives its timeout"
			}
			return ""
		})
	})
}
