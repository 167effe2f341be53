//go:build unix

package runtime_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

func pooled(t *testing.T, c runtime.ConnectionPoolConfig) (runtime.ConnectionPool, string) {
	t.Helper()
	url, _ := backend(t)
	c.Backends = map[string]string{"a": url}
	p, err := runtime.NewConnectionPool(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, url
}

func lend(t *testing.T, p runtime.ConnectionPool) *http.Client {
	t.Helper()
	c, err := p.GetConnection("a")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func use(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func wantPool(t *testing.T, p runtime.ConnectionPool, when string, total, active, idle int) {
	t.Helper()
	s := p.Stats()
	if s.TotalConnections != total || s.ActiveConnections != active || s.IdleConnections != idle {
		t.Errorf("%s: %+v, want %d total, %d active, %d idle", when, s, total, active, idle)
	}
}

func TestPoolCountsConnectionsThatAreReallyOpen(t *testing.T) {
	p, url := pooled(t, runtime.ConnectionPoolConfig{IdleTimeout: 200 * time.Millisecond})
	first, second := lend(t, p), lend(t, p)
	wantPool(t, p, "before a request", 0, 0, 0)
	if got := use(t, first, "/x?y=z"); !strings.HasPrefix(got, "GET /x?y=z") {
		t.Errorf("a path asks for %q", got)
	}
	use(t, first, url+"/whole")
	wantPool(t, p, "after two requests by one", 1, 1, 0)
	use(t, second, "/x")
	wantPool(t, p, "after requests by both", 2, 2, 0)
	if err := p.ReleaseConnection("a", first); err != nil {
		t.Fatal(err)
	}
	wantPool(t, p, "one released", 2, 1, 1)
	third := lend(t, p)
	wantPool(t, p, "lent again", 2, 2, 0)
	use(t, third, "/x")
	wantPool(t, p, "and used: no connection more", 2, 2, 0)
	p.ReleaseConnection("a", second)
	p.ReleaseConnection("a", third)
	eventually(t, "idle connections are closed", func() bool { return p.Stats().TotalConnections == 0 })
}

func TestPoolSaysWhatIsWrong(t *testing.T) {
	p, _ := pooled(t, runtime.ConnectionPoolConfig{MaxConnections: 1, WaitTimeout: 100 * time.Millisecond})
	if _, err := p.GetConnection("b"); !errors.Is(err, runtime.ErrUnknownBackend) {
		t.Errorf("unknown backend: %v", err)
	}
	c := lend(t, p)
	if _, err := p.GetConnection("a"); !errors.Is(err, runtime.ErrPoolExhausted) {
		t.Errorf("exhausted: %v", err)
	}
	if s := p.Stats(); s.WaitCount != 1 || s.WaitDuration < 100*time.Millisecond {
		t.Errorf("one wait of 100ms is counted as %d, %v", s.WaitCount, s.WaitDuration)
	}
	if err := p.ReleaseConnection("b", c); !errors.Is(err, runtime.ErrUnknownBackend) {
		t.Errorf("release to an unknown backend: %v", err)
	}
	if _, err := c.Get("http://127.0.0.1:1/elsewhere"); err == nil || !strings.Contains(err.Error(), "it leads to") {
		t.Errorf("a request to somebody else: %v", err)
	}
	if err := p.ReleaseConnection("a", c); err != nil {
		t.Error(err)
	}
	if err := p.ReleaseConnection("a", c); !errors.Is(err, runtime.ErrNotLent) {
		t.Errorf("double release: %v", err)
	}
	if err := p.ReleaseConnection("a", http.DefaultClient); !errors.Is(err, runtime.ErrNotLent) {
		t.Errorf("release of a stranger: %v", err)
	}
	if _, err := c.Get("/"); !errors.Is(err, runtime.ErrNotLent) {
		t.Errorf("use after release: %v", err)
	}
	for _, url := range []string{"nonsense", "ftp://x", "http://"} {
		if _, err := runtime.NewConnectionPool(runtime.ConnectionPoolConfig{Backends: map[string]string{"a": url}}); err == nil {
			t.Errorf("%q was accepted as a base URL", url)
		}
	}
}

func TestPoolHandsOverWhatIsReleased(t *testing.T) {
	p, _ := pooled(t, runtime.ConnectionPoolConfig{MaxConnections: 1})
	c := lend(t, p)
	got := make(chan error, 1)
	go func() {
		_, err := p.GetConnection("a")
		got <- err
	}()
	eventually(t, "somebody waits", func() bool { return p.Stats().WaitCount == 1 })
	if err := p.ReleaseConnection("a", c); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("who waited got %v", err)
	}
}

func TestPoolCloses(t *testing.T) {
	p, _ := pooled(t, runtime.ConnectionPoolConfig{MaxConnections: 2})
	idle, lent := lend(t, p), lend(t, p)
	use(t, idle, "/x")
	use(t, lent, "/x")
	p.ReleaseConnection("a", idle)
	waiting := make(chan error, 1)
	again := lend(t, p)
	go func() {
		_, err := p.GetConnection("a")
		waiting <- err
	}()
	eventually(t, "somebody waits", func() bool { return p.Stats().WaitCount == 1 })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waiting; !errors.Is(err, runtime.ErrPoolClosed) {
		t.Errorf("who waited got %v", err)
	}
	if _, err := p.GetConnection("a"); !errors.Is(err, runtime.ErrPoolClosed) {
		t.Errorf("get after Close: %v", err)
	}
	use(t, lent, "/x") // what is lent may finish
	if err := p.ReleaseConnection("a", lent); !errors.Is(err, runtime.ErrPoolClosed) {
		t.Errorf("release after Close: %v", err)
	}
	p.ReleaseConnection("a", again)
	if err := p.Close(); !errors.Is(err, runtime.ErrPoolClosed) {
		t.Errorf("second Close: %v", err)
	}
	eventually(t, "what was lent is closed when it is released", func() bool { return p.Stats().TotalConnections == 0 })
}
