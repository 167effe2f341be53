package pool_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/valyala/fasthttp"
)

// backend is a net/http server that counts what reaches it.
type backend struct {
	*httptest.Server
	mu    sync.Mutex
	conns map[net.Conn]http.ConnState
	hits  int
}

func startBackend(t testing.TB, h http.HandlerFunc) *backend {
	t.Helper()
	return startBackendOn(t, "127.0.0.1:0", h)
}

func startBackendOn(t testing.TB, addr string, h http.HandlerFunc) *backend {
	t.Helper()
	b := &backend{conns: make(map[net.Conn]http.ConnState)}
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.hits++
		b.mu.Unlock()
		h(w, r)
	}))
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = b.Listener.Close()
	b.Listener = ln
	b.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	b.Config.ConnState = func(c net.Conn, s http.ConnState) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.conns[c] = s; s == http.StateClosed {
			delete(b.conns, c)
		}
	}
	b.Start()
	t.Cleanup(b.Close)
	return b
}

// count returns the requests that reached b and its open connections.
func (b *backend) count() (hits, open, active int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.conns {
		if s == http.StateActive {
			active++
		}
	}
	return b.hits, len(b.conns), active
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, text) }
}

func newPool(t testing.TB, c pool.Config) *pool.Pool {
	t.Helper()
	if c.Name == "" {
		c.Name = "api"
	}
	p, err := pool.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// serve puts a fasthttp server in front of the pool and returns its address.
func serve(t testing.TB, p *pool.Pool, edit ...func(*fasthttp.Server)) string {
	t.Helper()
	return serveOn(t, listen(t), p, edit...)
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func serveOn(t testing.TB, ln net.Listener, p *pool.Pool, edit ...func(*fasthttp.Server)) string {
	s := &fasthttp.Server{
		Handler:                      p.Proxy,
		NoDefaultServerHeader:        true,
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		MaxRequestBodySize:           64 << 20,
		Logger:                       discard{},
	}
	for _, e := range edit {
		e(s)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.ShutdownWithContext(ctx)
		<-done
	})
	return ln.Addr().String()
}

type discard struct{}

func (discard) Printf(string, ...any) {}

func client(t testing.TB) *http.Client {
	tr := &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

func get(t testing.TB, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// eventually waits for a condition, which says what is still missing.
func eventually(t testing.TB, missing func() string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		m := missing()
		if m == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(m)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func settled(p *pool.Pool) func() string {
	return func() string {
		if s := p.Stats(); s.Totals().Active != 0 || s.Waiting != 0 {
			return fmt.Sprintf("pool has not come to rest: %+v", s)
		}
		return ""
	}
}

func TestProxyAnswersWithBackend(t *testing.T) {
	b := startBackend(t, says("hello"))
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr := serve(t, p)
	c := client(t)
	for range 10 {
		if status, body := get(t, c, "http://"+addr+"/"); status != 200 || body != "hello" {
			t.Fatalf("got %d %q, want 200 hello", status, body)
		}
	}
	if hits, open, _ := b.count(); hits != 10 || open != 1 {
		t.Fatalf("backend saw %d requests on %d connections, want 10 on 1", hits, open)
	}
	got := p.Stats().Totals()
	if got.Requests != 10 || got.Open != 1 || got.Idle() != 1 || got.Up != pool.StateUp || got.Errors != 0 {
		t.Fatalf("got %+v, want 10 requests over 1 idle connection", got)
	}
}
