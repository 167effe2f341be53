package judge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
	"github.com/echterhof/rockstar-tui/runtime"
)

// protocol is how a client reaches a server.
type protocol string

const (
	h1    protocol = "h1"    // HTTP/1.1 in clear
	h1tls protocol = "h1tls" // HTTP/1.1 over TLS
	h2    protocol = "h2"    // HTTP/2 over TLS
	h2c   protocol = "h2c"   // HTTP/2 in clear by prior knowledge
	h3    protocol = "h3"    // HTTP/3; compared with net/http's HTTP/2
)

var protocols = []protocol{h1, h1tls, h2, h2c, h3}

func (p protocol) secure() bool { return p == h1tls || p == h2 || p == h3 }
func (p protocol) one() bool    { return p == h1 || p == h1tls }

// target is one server reached by one protocol.
type target struct {
	protocol
	addr  string
	trust *tls.Config
}

func (t target) url(path string) string {
	if t.secure() {
		return "https://" + t.addr + path
	}
	return "http://" + t.addr + path
}

// mounter takes handlers: a *runtime.Router or a muxMounter.
type mounter interface {
	Mount(pattern string, h http.Handler)
}

type muxMounter struct{ *http.ServeMux }

func (m muxMounter) Mount(pattern string, h http.Handler) { m.Handle(pattern, h) }

// servers are the addresses of one side, by protocol.
type servers map[protocol]string

// certificate writes a self-signed certificate for 127.0.0.1.
func certificate(t *testing.T) (certFile, keyFile string, trust *tls.Config) {
	t.Helper()
	cert, key, err := selfsigned.Certificate{Hosts: []string{"127.0.0.1"}, Expires: time.Now().Add(time.Hour)}.PEM()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(certFile, cert, 0o600), os.WriteFile(keyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return certFile, keyFile, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// standard serves the handlers by net/http alone.
func standard(t *testing.T, certFile, keyFile string, mount func(mounter)) servers {
	t.Helper()
	mux := http.NewServeMux()
	mount(muxMounter{mux})
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	both.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: mux, Protocols: both, ErrorLog: log.New(io.Discard, "", 0)}
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	clear, secure := listen(), listen()
	go s.Serve(clear)
	go s.ServeTLS(secure, certFile, keyFile)
	t.Cleanup(func() { s.Close() })
	return servers{
		h1: clear.Addr().String(), h2c: clear.Addr().String(),
		h1tls: secure.Addr().String(), h2: secure.Addr().String(), h3: secure.Addr().String(),
	}
}

// ours serves the handlers mounted on the runtime. HTTP/3 has an App of its own:
// beside it, the servers of one App announce it by Alt-Svc.
func ours(t *testing.T, certFile, keyFile string, mount func(mounter)) servers {
	t.Helper()
	at := servers{}
	for _, group := range [][]protocol{{h1, h1tls, h2, h2c}, {h3}} {
		app, err := runtime.New(runtime.FrameworkConfig{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		mount(app.Router())
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			app.Shutdown(ctx)
		})
		for _, p := range group {
			at[p] = serve(t, app, p, runtime.ServerConfig{ // no limits and no clocks, like the other side
				MaxRequestBytes: -1, ReadTimeout: -1, ReadHeaderTimeout: -1, WriteTimeout: -1,
			}, certFile, keyFile)
		}
	}
	return at
}

// serve starts a server of app for one protocol and returns its address.
func serve(t *testing.T, app *runtime.App, p protocol, config runtime.ServerConfig, certFile, keyFile string) string {
	t.Helper()
	config.Name = string(p)
	switch p {
	case h2:
		config.Protocol = "http2"
	case h2c:
		config.Protocol, config.EnableH2C = "http2", true
	case h3:
		config.Protocol = "quic"
	default:
		config.Protocol = "http"
	}
	s := app.Server().NewServer(config)
	ended := make(chan error, 1)
	go func() {
		switch p {
		case h1, h2c:
			ended <- s.Listen("127.0.0.1:0")
		case h3:
			ended <- s.ListenQUIC("127.0.0.1:0", certFile, keyFile)
		default:
			ended <- s.ListenTLS("127.0.0.1:0", certFile, keyFile)
		}
	}()
	for deadline := time.Now().Add(20 * time.Second); s.Addr() == nil; time.Sleep(time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("%s: %v", p, err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not serve", p)
		}
	}
	return s.Addr().String()
}
