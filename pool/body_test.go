package pool_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

// TestHalfSentBodiesHoldNoBackend: clients that send half of a small body and
// wait are nothing to a backend yet.
func TestHalfSentBodiesHoldNoBackend(t *testing.T) {
	b := startBackend(t, says("ok"))
	p := newPool(t, pool.Config{MaxConns: 2, MaxWait: time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr, cl := serve(t, p), client(t)
	for i := range 12 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		framing := []string{"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Content-Length: 60000\r\n\r\nhello"}[i%2]
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\n"+framing)
	}
	for range 3 {
		if status, body := get(t, cl, "http://"+addr+"/"); status != 200 || body != "ok" {
			t.Fatalf("got %d %q, want an answer", status, body)
		}
	}
	if hits, _, _ := b.count(); hits != 3 {
		t.Errorf("backend got %d requests, want 3", hits)
	}
}

// TestBodiesOfUnknownLength: a small body is read first, and then is one of known
// length; of a larger one the backend gets every byte as well.
func TestBodiesOfUnknownLength(t *testing.T) {
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		got, n, err := sum(r.Body)
		_, _ = fmt.Fprintf(w, "%s %d %d %v", got, n, r.ContentLength, err)
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr, cl := serve(t, p), client(t)
	for _, size := range []int64{0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 300000} {
		req, _ := http.NewRequest("POST", "http://"+addr+"/", struct{ io.Reader }{patternOf(size)})
		resp, err := cl.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		hash, _, _ := sum(patternOf(size))
		length := size
		if size >= 65536 {
			length = -1
		}
		if want := fmt.Sprintf("%s %d %d <nil>", hash, size, length); string(answer) != want {
			t.Errorf("%d bytes: backend got %s, want %s", size, answer, want)
		}
	}
}

// TestGETWithoutLengthIsRepeated: a GET whose body is only known to be empty when
// it was read, as with HTTP/3, reaches the backend as any other GET, and is
// repeated when a kept connection breaks.
func TestGETWithoutLengthIsRepeated(t *testing.T) {
	requests := make(chan string, 16)
	url := script(t, func(n int, c net.Conn, r *bufio.Reader) {
		for i := 0; i < 2; i++ {
			raw, err := readRaw(r)
			if err != nil {
				return
			}
			requests <- raw
			if i == 1 && n == 0 {
				_ = c.(*net.TCPConn).SetLinger(0) // resets the connection
				return
			}
			_, _ = io.WriteString(c, ok)
		}
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader(""))
		p.ServeHTTP(w, r)
	}))
	defer s.Close()
	for range 2 {
		if status, body := get(t, s.Client(), s.URL); status != 200 || body != "ok" {
			t.Fatalf("got %d %q, want 200", status, body)
		}
		if raw := <-requests; strings.Contains(raw, "Transfer-Encoding") || strings.Contains(raw, "Content-Length") {
			t.Errorf("backend got %q, want a GET without a body", raw)
		}
	}
}

// TestClientsThatBreakOffAreNoErrorsOfABackend, neither within their request nor
// within the response.
func TestClientsThatBreakOffAreNoErrorsOfABackend(t *testing.T) {
	g := startGate(t)
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: g.URL}}})
	s := httptest.NewServer(p)
	defer s.Close()
	addrs := []string{serve(t, p), s.Listener.Addr().String()}
	for i, addr := range addrs {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n%s", strings.Repeat("x", 100000))
		<-g.entered
		_ = c.Close()
		eventually(t, func() string {
			if got := p.Stats().Totals(); int(got.Requests) != i+1 || got.Active != 0 || got.Errors != 0 {
				return fmt.Sprintf("got %+v, want nothing active and no error", got)
			}
			return ""
		})
	}
}

// TestSlowUploadsLeaveRoom: of the connections to a backend, bodies that are
// still to come hold three quarters at most.
func TestSlowUploadsLeaveRoom(t *testing.T) {
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	})
	p := newPool(t, pool.Config{MaxConns: 4, MaxWait: 10 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr, cl := serve(t, p), client(t)
	var uploads []net.Conn
	for range 6 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 10000))
		uploads = append(uploads, c)
	}
	eventually(t, func() string {
		if s := p.Stats(); s.Waiting != 3 || s.Totals().Active != 3 {
			return fmt.Sprintf("got %+v, want 3 uploads under way and 3 waiting", s)
		}
		return ""
	})
	for range 3 {
		if status, body := get(t, cl, "http://"+addr+"/"); status != 200 || body != "ok" {
			t.Fatalf("got %d %q, want an answer", status, body)
		}
	}
	for _, c := range uploads { // each gets its turn
		go func() { _, _ = io.WriteString(c, strings.Repeat("x", 90000)) }()
	}
	for _, c := range uploads {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("got %v, %v, want 200", resp, err)
		}
	}
	eventually(t, settled(p))
}
