//go:build unix

package runtime_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// bench is a server to try one field of a ServerConfig on.
type bench struct {
	*testing.T
	server *runtime.Server
	addr   string
	seen   *witness
}

// witness is a listener that sees what the server does with its connections.
type witness struct {
	net.Listener
	mu          sync.Mutex
	conns       []*net.TCPConn
	read, wrote int // the largest call
}

type witnessed struct {
	*net.TCPConn
	w *witness
}

func (w *witness) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c.(*net.TCPConn))
	return &witnessed{c.(*net.TCPConn), w}, nil
}

func (c *witnessed) Read(p []byte) (int, error) {
	c.w.mu.Lock()
	c.w.read = max(c.w.read, len(p))
	c.w.mu.Unlock()
	return c.TCPConn.Read(p)
}

func (c *witnessed) Write(p []byte) (int, error) {
	c.w.mu.Lock()
	c.w.wrote = max(c.w.wrote, len(p))
	c.w.mu.Unlock()
	return c.TCPConn.Write(p)
}

// short is a timeout that a test can wait for, patience how long it does.
const (
	short    = 150 * time.Millisecond
	patience = 1500 * time.Millisecond
)

// Each field must make a difference that its client sees: the probe gives one
// answer with the field set, and another without.
func TestEveryFieldOfServerConfigHasItsEffect(t *testing.T) {
	for _, c := range []struct {
		field         string
		set           runtime.ServerConfig
		witness       bool
		probe         func(*bench) string
		with, without string
	}{
		{"ReadTimeout", runtime.ServerConfig{ReadTimeout: short}, false,
			says("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\npart"), "408", "nothing"},
		{"ReadHeaderTimeout", runtime.ServerConfig{ReadHeaderTimeout: short}, false,
			says("GET / HTTP/1.1\r\nHo"), "408", "nothing"},
		{"WriteTimeout", runtime.ServerConfig{WriteTimeout: short}, false, timesOut("/endless"), "timed out", "goes on"},
		{"RequestTimeout", runtime.ServerConfig{RequestTimeout: short}, false,
			says("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\npart"), "408", "nothing"},
		{"ResponseTimeout", runtime.ServerConfig{ResponseTimeout: short}, false, timesOut("/hang"), "timed out", "goes on"},
		{"IdleTimeout", runtime.ServerConfig{IdleTimeout: short}, false, keeps(0), "closed", "kept"},
		{"ShutdownTimeout", runtime.ServerConfig{ShutdownTimeout: short, WriteTimeout: -1}, false, endsSoon, "ended", "waits"},
		{"EnableKeepAlive", runtime.ServerConfig{EnableKeepAlive: true, KeepAlivePeriod: time.Minute}, false, keeps(0), "kept", "kept"},
		{"KeepAlivePeriod", runtime.ServerConfig{KeepAlivePeriod: time.Minute}, false, keeps(0), "kept", "kept"},
		{"DisableKeepAlive", runtime.ServerConfig{DisableKeepAlive: true}, false, keeps(0), "closed", "kept"},
		{"MaxKeepAliveConns", runtime.ServerConfig{MaxKeepAliveConns: 1}, false, keeps(2), "closed", "kept"},
		{"ReadBufferSize", runtime.ServerConfig{ReadBufferSize: 128 << 10}, true, readsMuch, "much", "little"},
		{"WriteBufferSize", runtime.ServerConfig{WriteBufferSize: 64 << 10}, true, writesMuch, "much", "little"},
		{"MaxHeaderBytes lower", runtime.ServerConfig{MaxHeaderBytes: 1024}, false, header(2000), "431", "200"},
		{"MaxHeaderBytes higher", runtime.ServerConfig{MaxHeaderBytes: 64 << 10}, false, header(30000), "200", "431"},
		{"MaxConnections", runtime.ServerConfig{MaxConnections: 1}, false, second, "503", "200"},
		{"MaxRequestBytes", runtime.ServerConfig{MaxRequestBytes: 3}, false,
			says("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\npart"), "413", "200"},
		{"AcceptRate", runtime.ServerConfig{AcceptRate: 5}, false, accepts(5), "slow", "fast"},
	} {
		t.Run(c.field, func(t *testing.T) {
			t.Parallel()
			if got := c.probe(newBench(t, c.set, c.witness)); got != c.with {
				t.Errorf("with %+v: %s, want %s", c.set, got, c.with)
			}
			if got := c.probe(newBench(t, runtime.ServerConfig{}, c.witness)); got != c.without {
				t.Errorf("by default: %s, want %s", got, c.without)
			}
		})
	}
}

func newBench(t *testing.T, c runtime.ServerConfig, watched bool) *bench {
	app := program(t, runtime.ServerConfig{})
	app.Router().Handle("", "/", func(ctx runtime.Context) error {
		if _, err := io.ReadAll(ctx.Body()); err != nil {
			return err
		}
		return ctx.String(200, strings.Repeat("x", 20000))
	})
	app.Router().GET("/endless", func(ctx runtime.Context) error { return ctx.Stream(200, "text/plain", endless{}) })
	app.Router().GET("/hang", func(ctx runtime.Context) error {
		<-ctx.Context().Done()
		return nil
	})
	b := &bench{T: t, server: app.Server().NewServer(c)}
	ended := make(chan error, 1)
	if watched {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		b.seen = &witness{Listener: ln}
		go func() { ended <- b.server.Serve(b.seen) }()
	} else {
		go func() { ended <- b.server.Listen("127.0.0.1:0") }()
	}
	awaitRunning(t, b.server, ended)
	b.addr = b.server.Addr().String()
	return b
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func (b *bench) dial() net.Conn {
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	return c
}

// ask sends a request and returns the status of its response.
func ask(c net.Conn, r *bufio.Reader, request string) string {
	fmt.Fprint(c, request)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return "nothing"
	}
	io.Copy(io.Discard, resp.Body)
	return fmt.Sprint(resp.StatusCode)
}

const plain = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// says is the status of the answer to what a client sends.
func says(request string) func(*bench) string {
	return func(b *bench) string {
		c := b.dial()
		return ask(c, bufio.NewReader(c), request)
	}
}

// keeps tells what becomes of a connection after a response, while so many
// others rest.
func keeps(others int) func(*bench) string {
	return func(b *bench) string {
		for range others {
			c := b.dial()
			ask(c, bufio.NewReader(c), plain)
		}
		c := b.dial()
		r := bufio.NewReader(c)
		if status := ask(c, r, plain); status != "200" {
			return status
		}
		if _, err := r.ReadByte(); err == io.EOF {
			return "closed"
		}
		return "kept"
	}
}

func timesOut(path string) func(*bench) string {
	return func(b *bench) string {
		fmt.Fprintf(b.dial(), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path) // and read nothing
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if b.server.Stats().TimedOutConnections > 0 {
				return "timed out"
			}
		}
		return "goes on"
	}
}

func endsSoon(b *bench) string {
	fmt.Fprint(b.dial(), "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(b.T, "the request is under way", func() bool { return b.server.Stats().ActiveConnections == 1 })
	over := make(chan struct{})
	go func() {
		defer close(over)
		b.server.Shutdown(b.Context())
	}()
	select {
	case <-over:
		return "ended"
	case <-time.After(patience):
		return "waits"
	}
}

func readsMuch(b *bench) string {
	b.exchange()
	b.seen.mu.Lock()
	defer b.seen.mu.Unlock()
	return much(b.seen.read > 100<<10)
}

func writesMuch(b *bench) string {
	b.exchange()
	b.seen.mu.Lock()
	defer b.seen.mu.Unlock()
	return much(b.seen.wrote > 20000) // header and body at once
}

func (b *bench) exchange() {
	c := b.dial()
	if status := ask(c, bufio.NewReader(c), plain); status != "200" {
		b.Errorf("got %s", status)
	}
}

func much(yes bool) string {
	if yes {
		return "much"
	}
	return "little"
}

func header(bytes int) func(*bench) string {
	return says("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", bytes) + "\r\n\r\n")
}

// second is what a client gets while another one is connected.
func second(b *bench) string {
	first := b.dial()
	ask(first, bufio.NewReader(first), plain)
	return says(plain)(b)
}

func accepts(connections int) func(*bench) string {
	return func(b *bench) string {
		began := time.Now()
		for range connections {
			says(plain)(b)
		}
		if time.Since(began) > 500*time.Millisecond {
			return "slow"
		}
		return "fast"
	}
}

func TestTheAddressOfTheConfigIsTheDefault(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := ln.Addr().String()
	ln.Close()
	app := program(t, runtime.ServerConfig{Address: free, Name: "front"})
	ended := make(chan error, 1)
	go func() { ended <- app.Start("") }()
	awaitRunning(t, app.Server(), ended)
	if got := app.Server().Addr().String(); got != free {
		t.Errorf("listens on %s, want %s", got, free)
	}
	if got := info(t, app, "front").Protocol; got != "http" || app.Server().Protocol() != "http" {
		t.Errorf("protocol is %s and %s", got, app.Server().Protocol())
	}
}
