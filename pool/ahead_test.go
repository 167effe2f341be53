package pool_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

// tight is a listener whose connections buffer little.
type tight struct{ net.Listener }

func (l tight) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
	return c, err
}

// slowClient sends a GET and reads nothing yet.
func slowClient(t *testing.T, addr, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path)
	return c
}

// TestSlowReadersHoldNoBackend: of a response that a client does not read, up to
// a megabyte is read ahead and the connection given back. What the client gets in
// the end is what the backend sent, also where that broke off.
func TestSlowReadersHoldNoBackend(t *testing.T) {
	const size = 900 << 10
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/known":
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = io.Copy(w, patternOf(size))
		case "/unknown":
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.Copy(w, patternOf(size))
			w.Header().Set("X-Sum", "42")
		case "/short":
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = io.Copy(w, patternOf(size-1))
		case "/cut":
			_, _ = io.Copy(w, patternOf(size))
			panic(http.ErrAbortHandler)
		case "/endless":
			_, _ = io.Copy(w, &pattern{})
		default:
			_, _ = io.WriteString(w, "ok")
		}
	})
	p := newPool(t, pool.Config{MaxConns: 2, MaxWait: 10 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr := serveOn(t, tight{listen(t)}, p)
	paths := []string{"/known", "/unknown", "/short", "/cut", "/known", "/unknown"}
	var clients []net.Conn
	for _, path := range paths {
		clients = append(clients, slowClient(t, addr, path))
	}
	if status, body := get(t, client(t), "http://"+addr+"/"); status != 200 || body != "ok" {
		t.Fatalf("got %d %q, want an answer", status, body)
	}
	eventually(t, settled(p))
	want, _, _ := sum(patternOf(size))
	for i, c := range clients {
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(paths[i], err)
		}
		got, n, err := sum(resp.Body)
		switch paths[i] {
		case "/short", "/cut":
			if err == nil {
				t.Errorf("%s: %d bytes passed for the whole response", paths[i], n)
			}
		default:
			if err != nil || got != want {
				t.Errorf("%s: got %d bytes, %v, want %d as they were sent", paths[i], n, err, size)
			}
		}
		if trailer := resp.Trailer.Get("X-Sum"); (paths[i] == "/unknown") != (trailer == "42") {
			t.Errorf("%s: got trailer %q", paths[i], trailer)
		}
	}
	if got := p.Stats().Totals(); got.Errors != 2 {
		t.Errorf("got %d errors, want those of the two that broke off", got.Errors)
	}
}

type counting struct{ n *atomic.Int64 }

func (c counting) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// TestClientsThatNeverReadEnd: what is read ahead for a client ends with it, and
// nothing of that is an error of the backend.
func TestClientsThatNeverReadEnd(t *testing.T) {
	var sent atomic.Int64
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, io.TeeReader(&pattern{}, counting{&sent}))
	})
	p := newPool(t, pool.Config{MaxConns: 2, Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	addr := serveOn(t, tight{listen(t)}, p)
	stop := peakHeap()
	for range 2 {
		c := slowClient(t, addr, "/")
		before := sent.Load()
		eventually(t, func() string {
			if n := sent.Load() - before; n < 1<<20 {
				return fmt.Sprintf("the backend could send %d bytes, want a megabyte", n)
			}
			return ""
		})
		_ = c.Close()
	}
	eventually(t, func() string {
		if got := p.Stats().Totals(); got.Active != 0 || got.Open != 0 || got.Errors != 0 {
			return fmt.Sprintf("got %+v, want nothing open and no error", got)
		}
		return ""
	})
	if grew := stop(); grew > 8<<20 {
		t.Errorf("heap grew by %d KiB for two clients, want a megabyte or two for each", grew>>10)
	}
}
