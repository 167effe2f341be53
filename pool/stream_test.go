package pool_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/valyala/fasthttp"
)

// pattern is an endless body that differs from place to place.
type pattern struct{ at int }

var block = func() []byte {
	b := make([]byte, 65521) // prime, so no buffer's size divides it
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}()

func (p *pattern) Read(b []byte) (int, error) {
	n := copy(b, block[p.at:])
	p.at = (p.at + n) % len(block)
	return n, nil
}

func patternOf(n int64) io.Reader { return io.LimitReader(&pattern{}, n) }

func sum(r io.Reader) (string, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return fmt.Sprintf("%x", h.Sum(nil)), n, err
}

// peakHeap samples the heap until stopped and returns by how much it grew.
func peakHeap() (stop func() uint64) {
	goruntime.GC()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	before, peak := m.HeapInuse, uint64(0)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			goruntime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 { close(quit); <-done; return max(peak, before) - before }
}

func TestLargeBodiesPassThroughInBoundedMemory(t *testing.T) {
	const size = 10 << 20
	want, _, _ := sum(patternOf(size))
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			got, n, err := sum(r.Body)
			_, _ = fmt.Fprintf(w, "%s %d %v", got, n, err)
			return
		}
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", strconv.Itoa(size))
		}
		_, _ = io.Copy(w, patternOf(size))
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr, cl := serve(t, p), client(t)
	stop := peakHeap()
	for _, path := range []string{"/known", "/unknown"} {
		resp, err := cl.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		got, n, err := sum(resp.Body)
		_ = resp.Body.Close()
		if err != nil || n != size || got != want {
			t.Fatalf("%s: got %d bytes, %v; they are the right ones: %v", path, n, err, got == want)
		}
		if known := resp.ContentLength == size; known != (path == "/known") {
			t.Fatalf("%s: got Content-Length %d", path, resp.ContentLength)
		}

		req, _ := http.NewRequest("POST", "http://"+addr+path, patternOf(size))
		if path == "/known" {
			req.ContentLength = size
		}
		resp, err = cl.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(answer) != fmt.Sprintf("%s %d <nil>", want, size) {
			t.Fatalf("%s: backend got %s", path, answer)
		}
	}
	if grew := stop(); grew > 5<<20 {
		t.Errorf("heap grew by %d KiB while 10 MiB passed, want it bounded", grew>>10)
	}
	eventually(t, settled(p))
	if got := p.Stats().Totals(); got.Open != 1 {
		t.Fatalf("got %d connections, want the one reused throughout", got.Open)
	}
}

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	next := make(chan string)
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		for e := range next {
			_, _ = io.WriteString(w, e)
			_ = http.NewResponseController(w).Flush()
		}
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	resp, err := client(t).Get("http://" + serve(t, p) + "/") // returns with the header
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	r := bufio.NewReader(resp.Body)
	for i := range 3 {
		want := fmt.Sprintf("event %d\n", i)
		next <- want
		if got, err := r.ReadString('\n'); got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	close(next)
	if _, err := r.ReadByte(); err != io.EOF {
		t.Fatalf("got %v, want the end", err)
	}
	eventually(t, settled(p))
}

func TestTrailersArePassedOn(t *testing.T) {
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, strings.Repeat("x", 5000))
		w.Header().Set("X-Sum", "42")
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	resp, err := client(t).Get("http://" + serve(t, p) + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	if got := resp.Trailer.Get("X-Sum"); got != "42" {
		t.Fatalf("got trailer %q, want 42", got)
	}
}

// TestClientGoneInTheMiddle: a client that leaves while its response is streamed
// leaves no permit behind.
func TestClientGoneInTheMiddle(t *testing.T) {
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, patternOf(64<<20)) })
	p := newPool(t, pool.Config{MaxConns: 2, Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr := serve(t, p)
	for range 2 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		_, _ = io.ReadFull(c, make([]byte, 1000))
		_ = c.Close()
	}
	eventually(t, func() string {
		if got := p.Stats().Totals(); got.Active != 0 || got.Open != 0 {
			return fmt.Sprintf("got %+v, want nothing open after the clients left", got)
		}
		return ""
	})
}

// TestClientGoneWhileSending: neither does one that leaves within its request,
// and the backend does not take what it got for the whole.
func TestClientGoneWhileSending(t *testing.T) {
	errs := make(chan error, 1)
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		errs <- err
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr := serve(t, p)
	for _, framing := range []string{"Content-Length: 200000", "Transfer-Encoding: chunked"} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n18000\r\n%s", framing, strings.Repeat("x", 0x18000))
		_ = c.Close()
		if err := <-errs; err == nil {
			t.Fatalf("%s: backend took half a body for the whole", framing)
		}
		eventually(t, settled(p))
	}
}

func TestBackendGoneInTheMiddle(t *testing.T) {
	for _, framing := range []string{"Content-Length: 200000", "Transfer-Encoding: chunked"} {
		url := script(t, func(n int, c net.Conn, r *bufio.Reader) {
			_, _ = http.ReadRequest(r)
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n%s\r\n\r\n8000\r\n%s", framing, strings.Repeat("x", 0x8000))
		})
		p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
		resp, err := client(t).Get("http://" + serve(t, p) + "/")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("%s: client takes half a response for the whole", framing)
		}
		_ = resp.Body.Close()
		eventually(t, settled(p))
		if got := p.Stats().Totals(); got.Errors != 1 || got.Open != 0 {
			t.Errorf("%s: got %+v, want one error and nothing open", framing, got)
		}
	}
}

// TestBackendThatStallsInTheMiddle: ReadTimeout bounds each wait, not the whole.
func TestBackendThatStallsInTheMiddle(t *testing.T) {
	stall := make(chan struct{})
	url := script(t, func(n int, c net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range 6 {
			time.Sleep(60 * time.Millisecond)
			_, _ = io.WriteString(c, "1\r\nx\r\n")
		}
		<-stall
	})
	defer close(stall)
	p := newPool(t, pool.Config{ReadTimeout: 200 * time.Millisecond, Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	var req fasthttp.Request
	var resp fasthttp.Response
	req.SetRequestURI("/")
	resp.StreamBody = true
	if err := p.Do(context.Background(), &req, &resp); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.BodyStream())
	if len(got) != 6 || !errors.Is(err, pool.ErrTimeout) {
		t.Fatalf("got %d bytes, %v; want 6 over more than the timeout, then ErrTimeout", len(got), err)
	}
	for range 2 { // closing twice gives back once
		_ = resp.CloseBodyStream()
	}
	if got := p.Stats().Totals(); got.Active != 0 || got.Open != 0 {
		t.Fatalf("got %+v, want nothing open", got)
	}
}

// TestCountsAreThoseOfTheBackend compares the counters with what the backend's
// server says of its connections, at work and at rest.
func TestCountsAreThoseOfTheBackend(t *testing.T) {
	var inside atomic.Int64
	leave := make(chan struct{})
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			inside.Add(1)
			<-leave
			return
		}
		if r.URL.Path == "/large" {
			_, _ = io.Copy(w, patternOf(300<<10))
		}
	})
	var cell pool.Counters
	p := newPool(t, pool.Config{MaxConns: 24, MaxWait: 10 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: b.URL, Counters: &cell}}})
	addr, cl := serve(t, p), client(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range 10 {
				get(t, cl, "http://"+addr+[]string{"/small", "/large"}[i%2])
			}
		})
	}
	wg.Wait()
	for range 10 {
		wg.Go(func() { get(t, cl, "http://"+addr+"/hold") })
	}
	equal := func(when string, wantActive int) {
		t.Helper()
		eventually(t, func() string {
			_, open, active := b.count()
			got := cell.Load()
			if int(got.Open) != open || int(got.Active) != active || active != wantActive || int(inside.Load()) < wantActive {
				return fmt.Sprintf("%s: counted %d open, %d active; backend says %d, %d", when, got.Open, got.Active, open, active)
			}
			return ""
		})
	}
	equal("at work", 10)
	close(leave)
	wg.Wait()
	equal("at rest", 0)
	if got := cell.Load(); got.Requests != 16*10+10 || got.Errors != 0 {
		t.Fatalf("got %+v, want 170 requests without error", got)
	}
	_ = p.Close()
	equal("closed", 0)
	if got := cell.Load(); got.Open != 0 || got.Active != 0 {
		t.Fatalf("got %+v, want zero", got)
	}
}
