//go:build unix

package runtime_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
	"github.com/echterhof/rockstar-tui/runtime"
)

// pair writes a self-signed certificate for 127.0.0.1 and returns its files, and
// what trusts it.
func pair(t *testing.T) (certFile, keyFile string, trust *tls.Config) {
	t.Helper()
	cert, key, err := selfsigned.Certificate{Hosts: []string{"127.0.0.1"}, Expires: time.Now().Add(time.Hour)}.PEM()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, certFile, string(cert))
	writeFile(t, keyFile, string(key))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return certFile, keyFile, &tls.Config{RootCAs: pool}
}

// transports by protocol, for clients that trust the pair.
func transports(t *testing.T, trust *tls.Config) map[string]http.RoundTripper {
	h3 := &http3.Transport{TLSClientConfig: trust}
	t.Cleanup(func() { h3.Close() })
	h2 := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true}
	t.Cleanup(h2.CloseIdleConnections)
	h1 := &http.Transport{}
	t.Cleanup(h1.CloseIdleConnections)
	return map[string]http.RoundTripper{"http": h1, "http2": h2, "quic": h3}
}

// onEach runs a test on a server of each protocol, which have the same routes.
func onEach(t *testing.T, routes func(*runtime.Router), test func(t *testing.T, client *http.Client, url string)) {
	certFile, keyFile, trust := pair(t)
	clients := transports(t, trust)
	app := program(t, runtime.ServerConfig{})
	routes(app.Router())
	for protocol, listen := range map[string]func(*runtime.Server) error{
		"http":  func(s *runtime.Server) error { return s.Listen("127.0.0.1:0") },
		"http2": func(s *runtime.Server) error { return s.ListenTLS("127.0.0.1:0", certFile, keyFile) },
		"quic":  func(s *runtime.Server) error { return s.ListenQUIC("127.0.0.1:0", certFile, keyFile) },
	} {
		t.Run(protocol, func(t *testing.T) {
			s := app.Server().NewServer(runtime.ServerConfig{Name: protocol, WriteTimeout: -1})
			ended := make(chan error, 1)
			go func() { ended <- listen(s) }()
			awaitRunning(t, s, ended)
			if got := s.Protocol(); got != protocol {
				t.Errorf("Protocol says %s", got)
			}
			scheme := "https://"
			if protocol == "http" {
				scheme = "http://"
			}
			test(t, &http.Client{Transport: clients[protocol], Timeout: 20 * time.Second}, scheme+s.Addr().String())
		})
	}
}

func TestHandlersAreTheSameOnEveryProtocol(t *testing.T) {
	onEach(t, func(r *runtime.Router) {
		r.POST("/users/{id}", func(ctx runtime.Context) error {
			body, err := io.ReadAll(ctx.Body())
			if err != nil {
				return err
			}
			ctx.SetHeader("X-Own", ctx.Header("X-Ask"))
			return ctx.String(201, fmt.Sprintf("%s %s %s %s", ctx.Param("id"), ctx.Query("q"), body, ctx.Server().Name()))
		})
		r.GET("/json", func(ctx runtime.Context) error { return ctx.JSON(200, ctx.Server().Stats().ActiveConnections) })
		r.GET("/fail", func(ctx runtime.Context) error { return &runtime.HTTPError{Status: 409} })
		r.GET("/panic", func(ctx runtime.Context) error { panic("oh") })
		r.GET("/away", func(ctx runtime.Context) error { return ctx.Redirect(302, "/json") })
		r.GET("/stream", func(ctx runtime.Context) error {
			return ctx.Stream(200, "text/plain", strings.NewReader(strings.Repeat("x", 100000)))
		})
		r.GET("/plain/{id}", func(ctx runtime.Context) error {
			w := ctx.ResponseWriter()
			w.WriteHeader(202)
			_, err := fmt.Fprint(w, ctx.Request().PathValue("id"), ctx.Request().URL.Path)
			return err
		})
	}, func(t *testing.T, client *http.Client, url string) {
		req, _ := http.NewRequest("POST", url+"/users/7?q=ask", strings.NewReader("body"))
		req.Header.Set("X-Ask", "it")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := "7 ask body " + t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]; resp.StatusCode != 201 || string(body) != want || resp.Header.Get("X-Own") != "it" {
			t.Errorf("got %d %q, X-Own %q; want 201 %q", resp.StatusCode, body, resp.Header.Get("X-Own"), want)
		}
		for path, want := range map[string]string{
			"/json": "200 1", "/fail": "409 conflict\n", "/away": "200 1", "/panic": "500 internal server error\n",
			"/stream": "200 " + strings.Repeat("x", 100000), "/plain/a": "202 a/plain/a",
		} {
			resp, err := client.Get(url + path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if got := fmt.Sprintf("%d %s", resp.StatusCode, body); got != want {
				t.Errorf("%s: got %.80q, want %.80q", path, got, want)
			}
		}
	})
}

func TestTheContextEndsWithTheClientOnEveryProtocol(t *testing.T) {
	arrived, cancelled := make(chan struct{}), make(chan struct{})
	onEach(t, func(r *runtime.Router) {
		r.GET("/wait", func(ctx runtime.Context) error {
			c := ctx.Context()
			arrived <- struct{}{}
			<-c.Done()
			cancelled <- struct{}{}
			return nil
		})
	}, func(t *testing.T, client *http.Client, url string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url+"/wait", nil)
		failed := make(chan error, 1)
		go func() {
			_, err := client.Do(req)
			failed <- err
		}()
		select {
		case <-arrived:
		case err := <-failed:
			t.Fatal(err)
		}
		cancel()
		select {
		case <-cancelled:
		case <-time.After(10 * time.Second):
			t.Fatal("the handler was not told")
		}
	})
}

func TestTheContextEndsWithAClientOfHTTP1OverTLS(t *testing.T) {
	certFile, keyFile, trust := pair(t)
	app := program(t, runtime.ServerConfig{})
	arrived, cancelled := make(chan struct{}), make(chan struct{})
	app.Router().GET("/wait", func(ctx runtime.Context) error {
		if ctx.Request().TLS == nil {
			t.Error("the request does not know its TLS")
		}
		c := ctx.Context()
		close(arrived)
		<-c.Done()
		close(cancelled)
		return nil
	})
	s := app.Server().NewServer(runtime.ServerConfig{WriteTimeout: -1})
	ended := make(chan error, 1)
	go func() { ended <- s.ListenTLS("127.0.0.1:0", certFile, keyFile) }()
	awaitRunning(t, s, ended)
	conn, err := tls.Dial("tcp", s.Addr().String(), trust)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	<-arrived
	conn.Close() // says farewell before it ends
	select {
	case <-cancelled:
	case <-time.After(10 * time.Second):
		t.Fatal("the handler was not told")
	}
}

func TestHTTP2InClearIsAskedFor(t *testing.T) {
	app := hello(t)
	s := app.Server().NewServer(runtime.ServerConfig{Protocol: "http2", EnableH2C: true})
	ended := make(chan error, 1)
	go func() { ended <- s.Listen("127.0.0.1:0") }()
	awaitRunning(t, s, ended)
	clear := &http.Transport{Protocols: new(http.Protocols)}
	clear.Protocols.SetUnencryptedHTTP2(true)
	defer clear.CloseIdleConnections()
	resp, err := (&http.Client{Transport: clear}).Get("http://" + s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("answered by %s", resp.Proto)
	}
	unasked := app.Server().NewServer(runtime.ServerConfig{Protocol: "http2"})
	if err := unasked.Listen("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "needs tls") {
		t.Errorf("http2 in clear, unasked: %v", err)
	}
}

func TestTLSNeedsItsFiles(t *testing.T) {
	app := hello(t)
	s := app.Server()
	if err := s.NewServer(runtime.ServerConfig{}).ListenTLS("127.0.0.1:0", "", ""); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without files: %v", err)
	}
	missing := filepath.Join(t.TempDir(), "none.pem")
	if err := s.NewServer(runtime.ServerConfig{}).ListenTLS("127.0.0.1:0", missing, missing); err == nil || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("with files that are not there: %v", err)
	}
	certFile, keyFile, _ := pair(t)
	os.Remove(keyFile)
	if err := s.NewServer(runtime.ServerConfig{TLSCertFile: certFile, TLSKeyFile: keyFile}).ListenQUIC("127.0.0.1:0", "", ""); err == nil {
		t.Error("QUIC without a key")
	}
}
