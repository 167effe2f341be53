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

const switchOver = "GET /chat?room=1 HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n"

// switcher is a backend that agrees, says hello and then repeats what it hears.
func switcher(t testing.TB, answer string) (url string, requests chan string) {
	requests = make(chan string, 16)
	url = script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			raw, err := readRaw(r)
			if err != nil {
				return
			}
			requests <- raw
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
			if strings.HasPrefix(answer, "HTTP/1.1 101") {
				_, _ = io.Copy(c, r)
				return
			}
		}
	})
	return url, requests
}

func dialPool(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c, bufio.NewReader(c)
}

func TestSwitchedConnectionsAreTunnels(t *testing.T) {
	url, requests := switcher(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: a\r\n\r\nhello")
	p := newPool(t, pool.Config{ReadTimeout: 300 * time.Millisecond, Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	s := httptest.NewServer(p)
	defer s.Close()
	for server, addr := range map[string]string{"fasthttp": serve(t, p), "net/http": s.Listener.Addr().String()} {
		t.Run(server, func(t *testing.T) { tunnelled(t, p, addr, requests) })
	}
}

func tunnelled(t *testing.T, p *pool.Pool, addr string, requests chan string) {
	c, r := dialPool(t, addr)
	fmt.Fprint(c, switchOver, "GET early\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if h := resp.Header; resp.StatusCode != 101 || h.Get("Upgrade") != "WebSocket" || h.Get("Connection") != "Upgrade" || h.Get("Sec-WebSocket-Accept") != "a" {
		t.Errorf("answered %d %v", resp.StatusCode, h)
	}
	raw := <-requests
	for _, want := range []string{"GET /chat?room=1 HTTP/1.1\r\n", "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", "\r\nSec-Websocket-Key: k\r\n"} {
		if !strings.Contains(strings.ReplaceAll(raw, "WebSocket-Key", "Websocket-Key"), want) {
			t.Errorf("the backend got %q, want %q in it", raw, want)
		}
	}
	want := "helloGET early\r\n\r\n"
	for i := range 3 {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		time.Sleep(time.Duration(i) * 200 * time.Millisecond) // a tunnel may rest for longer than a backend
		want = strings.Repeat("x", 70_000)
		go io.WriteString(c, want)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	if b, err := r.ReadByte(); err != io.EOF {
		t.Errorf("read %q, %v after the end", b, err)
	}
	eventually(t, settled(p))
}

func TestTunnelsEndWithEitherSide(t *testing.T) {
	url := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := readRaw(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nbye")
		}
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	addr := serve(t, p)
	c, r := dialPool(t, addr)
	fmt.Fprint(c, switchOver)
	if all, err := io.ReadAll(r); err != nil || !strings.HasSuffix(string(all), "\r\n\r\nbye") {
		t.Errorf("got %q, %v; want all that the backend said", all, err)
	}
	eventually(t, settled(p))
}

func TestBackendsMayRefuseToSwitch(t *testing.T) {
	for answer, want := range map[string]int{
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno":                                               403,
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: something\r\n\r\n":               502,
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":                                                            502,
		"HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n": 426,
	} {
		url, _ := switcher(t, answer)
		p := newPool(t, pool.Config{ReadTimeout: time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
		c, r := dialPool(t, serve(t, p))
		for range 2 { // it is still HTTP
			fmt.Fprint(c, switchOver)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("%q: %v", answer, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			if resp.StatusCode != want {
				t.Errorf("%q: got %d, want %d", answer, resp.StatusCode, want)
			}
		}
		eventually(t, settled(p))
	}
}
