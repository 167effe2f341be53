package pool_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/valyala/fasthttp"
)

// refusing returns an address that nobody listens on.
func refusing(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

func stateOf(p *pool.Pool, name string) uint64 {
	for _, b := range p.Stats().Backends {
		if b.Name == name {
			return b.Up
		}
	}
	return 99
}

func TestBackendThatIsDownCostsNoRequestAndRecovers(t *testing.T) {
	t.Parallel()
	addrDown := refusing(t)
	up := startBackend(t, says("up"))
	p := newPool(t, pool.Config{DialTimeout: time.Second, Balance: pool.RoundRobin, Backends: []pool.BackendConfig{
		{Name: "a", URL: "http://" + addrDown}, {Name: "b", URL: up.URL},
	}})
	addr, cl := serve(t, p), client(t)
	for range 50 {
		if status, body := get(t, cl, "http://"+addr+"/"); status != 200 || body != "up" {
			t.Fatalf("got %d %q, want 200 from the backend that is up", status, body)
		}
	}
	s := p.Stats()
	if s.Backends[0].Up != pool.StateDown || s.Backends[0].Errors != 2 || s.Backends[0].DownUntil == 0 {
		t.Fatalf("got %+v, want down after two failed connects", s.Backends[0])
	}

	startBackendOn(t, addrDown, says("again"))
	// It is noticed without any request.
	eventually(t, func() string {
		if stateOf(p, "a") != pool.StateUp {
			return "backend is still down though it listens"
		}
		return ""
	})
	seen := map[string]int{}
	for range 10 {
		_, body := get(t, cl, "http://"+addr+"/")
		seen[body]++
	}
	if seen["again"] != 5 {
		t.Fatalf("got %v, want half from the backend that is back", seen)
	}
}

func TestKilledBackendFailsNoGET(t *testing.T) {
	a, b := startBackend(t, says("a")), startBackend(t, says("b"))
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: a.URL}, {Name: "b", URL: b.URL}}})
	addr, cl := serve(t, p), client(t)

	var failed, done atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, _ := get(t, cl, "http://"+addr+"/"); status != 200 {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	more := func(n int64) {
		from := done.Load()
		eventually(t, func() string {
			if done.Load() < from+n {
				return "requests do not get on"
			}
			return ""
		})
	}
	more(200)
	_ = a.Listener.Close()
	a.CloseClientConnections()
	more(400)
	close(stop)
	wg.Wait()
	if failed.Load() != 0 {
		t.Fatalf("%d of %d requests failed when a backend was killed, want none", failed.Load(), done.Load())
	}
}

func TestAllBackendsRefusing(t *testing.T) {
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{
		{Name: "a", URL: "http://" + refusing(t)}, {Name: "b", URL: "http://" + refusing(t)},
	}})
	addr, cl := serve(t, p), client(t)
	for range 5 {
		if status, body := get(t, cl, "http://"+addr+"/"); status != 502 || body != "pool api: no backend can be reached\n" {
			t.Fatalf("got %d %q, want 502 and a line", status, body)
		}
	}
	err := do(p, context.Background())
	if !errors.Is(err, pool.ErrNoBackend) {
		t.Fatalf("got %v, want ErrNoBackend", err)
	}
}

func do(p *pool.Pool, ctx context.Context) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI("/x")
	return p.Do(ctx, req, resp)
}

// script is a backend of raw connections: each runs the handler with the number
// of the connection.
func script(t testing.TB, handle func(n int, c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				handle(n, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestStaleConnection: the backend closes a kept-alive connection just when a
// second request arrives on it, after having read it.
func TestStaleConnection(t *testing.T) {
	for _, tc := range []struct {
		method string
		status int
		times  int // the second request reaches the backend
	}{
		{"GET", 200, 2},
		{"PUT", 200, 2},
		{"DELETE", 200, 2},
		{"POST", 502, 1}, // it may have been executed: an error, and not a second time
		{"PATCH", 502, 1},
	} {
		t.Run(tc.method, func(t *testing.T) {
			var second atomic.Int64
			url := script(t, func(n int, c net.Conn, r *bufio.Reader) {
				for i := 0; ; i++ {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					if req.URL.Path == "/2" {
						second.Add(1)
						if n == 0 {
							return
						}
					}
					_, _ = io.WriteString(c, ok)
				}
			})
			p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
			addr, cl := serve(t, p), client(t)
			get(t, cl, "http://"+addr+"/1")
			req, _ := http.NewRequest(tc.method, "http://"+addr+"/2", strings.NewReader("body"))
			resp, err := cl.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != tc.status || second.Load() != int64(tc.times) {
				t.Fatalf("got %d, executed %d times; want %d, %d times", resp.StatusCode, second.Load(), tc.status, tc.times)
			}
			eventually(t, settled(p))
		})
	}
}

// TestPOSTOnClosedConnection: the backend has closed the kept-alive connection
// before; nothing of the request is lost with it.
func TestPOSTOnClosedConnection(t *testing.T) {
	closed := make(chan struct{})
	url := script(t, func(n int, c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(req.Body)
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			if n == 0 {
				_ = c.Close()
				close(closed)
				return
			}
		}
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	addr, cl := serve(t, p), client(t)
	get(t, cl, "http://"+addr+"/1")
	<-closed
	resp, err := cl.Post("http://"+addr+"/2", "text/plain", strings.NewReader("once"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(body) != "once" {
		t.Fatalf("got %d %q, want 200 once", resp.StatusCode, body)
	}
	if got := p.Stats().Totals(); got.Errors != 0 {
		t.Fatalf("got %d errors, want none: a stale connection is nobody's fault", got.Errors)
	}
}

// TestStreamedBodyIsNotRepeated: a body that cannot be read twice is not sent to
// a second backend.
func TestStreamedBodyIsNotRepeated(t *testing.T) {
	breaks := script(t, func(n int, c net.Conn, r *bufio.Reader) {
		_, _ = io.CopyN(io.Discard, r, 20<<10)
	})
	var reached atomic.Int64
	fine := startBackend(t, func(w http.ResponseWriter, r *http.Request) { reached.Add(1) })
	p := newPool(t, pool.Config{Balance: pool.RoundRobin, Backends: []pool.BackendConfig{
		{Name: "a", URL: breaks}, {Name: "b", URL: fine.URL},
	}})
	// By hand: the client of net/http takes a write that fails for the end, and
	// does not look for the answer that is there.
	c, err := net.Dial("tcp", serve(t, p))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	go func() {
		_, _ = fmt.Fprintf(c, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 1<<20, strings.Repeat("x", 1<<20))
	}()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 502 || reached.Load() != 0 {
		t.Fatalf("got %d, second backend reached %d times; want 502 and 0", resp.StatusCode, reached.Load())
	}
}

// TestBackendMayAnswerEarly: a backend that refuses a long body before it has
// read it gets its answer through.
func TestBackendMayAnswerEarly(t *testing.T) {
	url := script(t, func(n int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nmuch")
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.CopyN(io.Discard, r, 1<<20)
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}, ReadTimeout: 5 * time.Second})
	// The client of net/http gives up an answer when it fails to write the rest.
	conn, err := net.Dial("tcp", serve(t, p))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", 1<<20))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Fatalf("got %d, want the backend's 413", resp.StatusCode)
	}
	eventually(t, settled(p))
}
