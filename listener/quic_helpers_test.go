package listener_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// loopbackTLS is a certificate for 127.0.0.1, and who trusts it.
var loopbackTLS = sync.OnceValues(func() (server, client *tls.Config) {
	cert, key, err := selfsigned.Certificate{Hosts: []string{"127.0.0.1"}, Expires: time.Now().Add(time.Hour)}.PEM()
	if err != nil {
		panic(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return &tls.Config{Certificates: []tls.Certificate{pair}}, &tls.Config{RootCAs: roots}
})

func openPackets(t testing.TB, opt sockets.Options) *sockets.PacketSockets {
	t.Helper()
	s, err := sockets.OpenPackets(context.Background(), "127.0.0.1:0", opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serveQUIC begins to serve a slot in the way one process does.
func serveQUIC(t testing.TB, sockets *sockets.PacketSockets, slot int, keys listener.QUICKeys, limits listener.Limits, h listener.Handler) *listener.Server {
	t.Helper()
	server, _ := loopbackTLS()
	s := listener.NewServer(listener.ServerConfig{
		Name: t.Name(), Handler: h, Limits: limits, ErrorLog: slog.New(slog.DiscardHandler),
		Transport: listener.Transport{TLS: server},
	})
	pc, err := sockets.PacketConn(slot)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- s.ServeQUIC(pc, slot, keys)
		pc.Close()
	}()
	t.Cleanup(func() {
		s.Close()
		select {
		case err := <-served:
			if err != listener.ErrServerClosed {
				t.Errorf("ServeQUIC: %v, want %v", err, listener.ErrServerClosed)
			}
		case <-time.After(5 * time.Second):
			t.Error("ServeQUIC goes on after Close")
		}
	})
	return s
}

// startQUIC serves one slot.
func startQUIC(t testing.TB, limits listener.Limits, h listener.Handler) (*listener.Server, *sockets.PacketSockets) {
	t.Helper()
	sockets := openPackets(t, sockets.Options{})
	return serveQUIC(t, sockets, 0, listener.NewQUICKeys(), limits, h), sockets
}

// h3Client speaks HTTP/3 on one connection at a time.
type h3Client struct {
	*http.Client
	t  testing.TB
	to string

	mu    sync.Mutex
	conns []*quic.Conn
}

func newH3Client(t testing.TB, to net.Addr) *h3Client {
	_, config := loopbackTLS()
	c := &h3Client{t: t, to: to.String()}
	transport := &http3.Transport{TLSClientConfig: config, Dial: c.dial}
	c.Client = &http.Client{Transport: transport, Timeout: 10 * time.Second}
	t.Cleanup(func() { transport.Close() })
	return c
}

func (c *h3Client) dial(ctx context.Context, addr string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
	conn, err := quic.DialAddrEarly(ctx, addr, tlsConfig, config)
	if err == nil {
		c.mu.Lock()
		c.conns = append(c.conns, conn)
		c.mu.Unlock()
	}
	return conn, err
}

// dialled is how many connections it took so far.
func (c *h3Client) dialled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

func (c *h3Client) do(method, path string, body io.Reader) (int, string, error) {
	req, err := http.NewRequest(method, "https://"+c.to+path, body)
	if err != nil {
		return 0, "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(got), err
}

func (c *h3Client) must(method, path string, body io.Reader) (int, string) {
	c.t.Helper()
	status, got, err := c.do(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, got
}
