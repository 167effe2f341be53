//go:build unix

package runtime_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echterhof/rockstar-tui/runtime"
)

// pairOf is the certificate of the pair.
func pairOf(t *testing.T) (tls.Certificate, *tls.Config) {
	t.Helper()
	certFile, keyFile, trust := pair(t)
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return cert, trust
}

// running starts a server in the background, and awaits its end after the test.
func running(t *testing.T, s *runtime.Server, listen func() error) string {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- listen() }()
	awaitRunning(t, s, ended)
	return s.Addr().String()
}

func tellTLS(ctx runtime.Context) error {
	state := ctx.Request().TLS
	if state == nil {
		return ctx.String(200, "clear")
	}
	return ctx.String(200, fmt.Sprintf("%s %s %d", ctx.Request().Proto, state.ServerName, len(state.PeerCertificates)))
}

func TestATLSConfigOfTheProgram(t *testing.T) {
	cert, trust := pairOf(t)
	trust.ServerName = "127.0.0.1"
	trust.Certificates = []tls.Certificate{cert}
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", tellTLS)
	asked := make(chan string, 100)
	config := &tls.Config{
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			asked <- strings.Join(hello.SupportedProtos, ",")
			return &cert, nil
		},
		ClientAuth: tls.RequireAnyClientCert,
		NextProtos: []string{"acme-tls/1"},
	}
	for protocol, transport := range transports(t, trust) {
		if protocol == "http" {
			transport = &http.Transport{TLSClientConfig: trust}
		}
		s := app.Server().NewServer(runtime.ServerConfig{Name: protocol, Protocol: protocol, TLS: config})
		listen := map[string]func() error{
			"http":  func() error { return s.Listen("127.0.0.1:0") },
			"http2": func() error { return s.ListenTLS("127.0.0.1:0", "", "") },
			"quic":  func() error { return s.ListenQUIC("127.0.0.1:0", "", "") },
		}[protocol]
		addr := running(t, s, listen)
		resp, body := answer(t, &http.Client{Transport: transport, Timeout: 10 * time.Second}, "https://"+addr+"/")
		want := map[string]string{"http": "HTTP/1.1  1", "http2": "HTTP/2.0  1", "quic": "HTTP/3.0  1"}[protocol]
		if body != want || len(asked) == 0 {
			t.Errorf("%s: got %s %q, want %q; GetCertificate was called %d times", protocol, resp.Status, body, want, len(asked))
		}
		if protocol == "quic" {
			continue
		}
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}, Certificates: trust.Certificates})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ConnectionState().NegotiatedProtocol; got != "acme-tls/1" {
			t.Errorf("%s: negotiated %q, want what the program offers besides HTTP", protocol, got)
		}
		c.Close()
	}
}

func TestAListenerThatSpeaksTLSItself(t *testing.T) {
	cert, trust := pairOf(t)
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", tellTLS)
	app.Router().Mount("/mounted", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS != nil && r.TLS.HandshakeComplete)
	}))
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"as it is": func(ln net.Listener) net.Listener { return ln },
		"wrapped":  func(ln net.Listener) net.Listener { return runtime.NewLimitedListener(ln, 10) },
	} {
		ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		s := app.Server().NewServer(runtime.ServerConfig{})
		addr := running(t, s, func() error { return s.Serve(wrap(ln)) })
		h1 := &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone()}, Timeout: 10 * time.Second}
		for proto, c := range map[string]*http.Client{"HTTP/1.1": h1, "HTTP/2.0": over2(trust)} {
			if _, body := answer(t, c, "https://"+addr+"/"); body != proto+"  0" {
				t.Errorf("%s: got %q over %s", name, body, proto)
			}
			if _, body := answer(t, c, "https://"+addr+"/mounted"); body != proto+" true" {
				t.Errorf("%s: a mounted handler got %q over %s, want that it knows of TLS", name, body, proto)
			}
			c.CloseIdleConnections()
		}
	}
}

func TestAServerWithRoutesOfItsOwn(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().Use(func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(ctx runtime.Context) error { ctx.SetHeader("X-Public", "yes"); return next(ctx) }
	})
	app.Router().GET("/", say("public"))
	admin := app.Server().NewServer(runtime.ServerConfig{Name: "admin"})
	admin.Router().GET("/", say("admin"))
	admin.Router().GET("/only", say("only here"))
	base := serving(t, app)
	at := "http://" + running(t, admin, func() error { return admin.Listen("127.0.0.1:0") })
	for url, want := range map[string]string{base + "/": "public", at + "/": "admin", at + "/only": "only here", base + "/only": "404 page not found\n"} {
		_, body, header := fetch(t, "GET", url, "")
		if public := header.Get("X-Public") == "yes"; body != want || public != strings.HasPrefix(url, base) {
			t.Errorf("%s: got %q, public %v", url, body, public)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Router of a server that runs without one does not panic")
		}
	}()
	app.Server().Router()
}

func TestContextsEndWhatTheyBegan(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", say("hello"))
	other := app.Server().NewServer(runtime.ServerConfig{Name: "other"})
	ctx, cancel := context.WithCancel(t.Context())
	otherCtx, cancelOther := context.WithCancel(t.Context())
	ended, otherEnded := make(chan error, 1), make(chan error, 1)
	go func() { ended <- app.StartContext(ctx, "127.0.0.1:0") }()
	go func() { otherEnded <- other.ListenContext(otherCtx, "127.0.0.1:0") }()
	awaitRunning(t, app.Server(), ended)
	awaitRunning(t, other, otherEnded)
	cancelOther()
	within(t, "the other server", otherEnded)
	if status, _, _ := fetch(t, "GET", "http://"+app.Server().Addr().String()+"/", ""); status != 200 {
		t.Error("the App ended with one of its servers")
	}
	cancel()
	within(t, "the App", ended)
	if err := app.StartContext(ctx, "127.0.0.1:0"); !errors.Is(err, runtime.ErrServerStarted) && !errors.Is(err, runtime.ErrServerClosed) && err != nil {
		t.Errorf("after its end: %v", err)
	}
}

// within awaits an end without error.
func within(t *testing.T, what string, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("%s ended with %v", what, err)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("%s does not end", what)
	}
}

func TestSignalsAreLeftToTheProgram(t *testing.T) {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGTERM)
	defer signal.Stop(received)
	app, err := runtime.New(runtime.FrameworkConfig{LeaveSignals: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	app.Router().GET("/", say("hello"))
	base := serving(t, app)
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	<-received
	if status, _, _ := fetch(t, "GET", base+"/", ""); status != 200 {
		t.Errorf("after the signal: %d", status)
	}
	if err := app.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEveryShutdownObeysItsOwnContext(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	for name, shutdown := range map[string]func(*runtime.App, context.Context) error{
		"App":    (*runtime.App).Shutdown,
		"Server": func(a *runtime.App, ctx context.Context) error { return a.Server().Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			app := program(t, runtime.ServerConfig{})
			entered := make(chan struct{})
			app.Router().GET("/", func(ctx runtime.Context) error { close(entered); <-release; return nil })
			base := serving(t, app)
			go http.Get(base + "/")
			<-entered
			first := make(chan error, 1)
			go func() { first <- shutdown(app, context.Background()) }()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			began := time.Now()
			if err := shutdown(app, ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the second one: %v", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the second one took %v", took)
			}
			select {
			case <-first:
			case <-time.After(10 * time.Second):
				t.Error("the first one does not end")
			}
		})
	}
}

func TestShutdownWithAnIdleConnectionTakesMilliseconds(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", say("hello"))
	base := serving(t, app)
	client := &http.Client{Transport: &http.Transport{}}
	if _, body := answer(t, client, base+"/"); body != "hello" {
		t.Fatal(body)
	}
	eventually(t, "the connection is idle", func() bool { return app.Server().Stats().IdleConnections == 1 })
	began := time.Now()
	if err := app.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 900*time.Millisecond { // it was a second and more; a loaded machine is slow
		t.Errorf("it took %v", took)
	}
}

func TestShutdownHooksRunOnceAllIsServed(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	var order []string
	app.OnShutdown(func(context.Context) error { order = append(order, "database"); return errors.New("disk full") })
	app.OnShutdown(func(context.Context) error { order = append(order, "queue"); panic("oh") })
	app.OnShutdown(func(context.Context) error { order = append(order, app.Server().Name()); return nil })
	entered, release := make(chan struct{}), make(chan struct{})
	app.Router().GET("/", func(ctx runtime.Context) error {
		close(entered)
		<-release
		return ctx.String(200, fmt.Sprint(len(order)))
	})
	base := serving(t, app)
	answered := make(chan string, 1)
	go func() {
		resp, err := http.Get(base + "/")
		if err != nil {
			answered <- err.Error()
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		answered <- string(body)
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- app.Shutdown(t.Context()) }()
	eventually(t, "new connections are refused", func() bool { return !app.Server().IsRunning() })
	close(release)
	err := <-ended
	if got := <-answered; got != "0" {
		t.Errorf("hooks ran before the last request was answered: %q", got)
	}
	if !slices.Equal(order, []string{"main", "queue", "database"}) {
		t.Errorf("called in the order %q", order)
	}
	if err == nil || !strings.Contains(err.Error(), "disk full") || !strings.Contains(err.Error(), "panic: oh") {
		t.Errorf("shutdown says %v", err)
	}
}

func TestNoGoroutineStays(t *testing.T) {
	// The clock of fasthttp is one for the whole process, and never ends.
	clock := goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1")
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), clock)
	certFile, keyFile, trust := pair(t)
	app, err := runtime.New(runtime.FrameworkConfig{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	app.Router().GET("/", say("hello"))
	app.Router().Mount("/mounted", word("mounted"))
	clients := transports(t, trust)
	ended := make(chan error, 3)
	for protocol, transport := range clients {
		s := app.Server().NewServer(runtime.ServerConfig{Name: protocol})
		listen := map[string]func() error{
			"http":  func() error { return s.Listen("127.0.0.1:0") },
			"http2": func() error { return s.ListenTLS("127.0.0.1:0", certFile, keyFile) },
			"quic":  func() error { return s.ListenQUIC("127.0.0.1:0", certFile, keyFile) },
		}[protocol]
		go func() { ended <- listen() }()
		awaitRunning(t, s, nil)
		scheme := "https://"
		if protocol == "http" {
			scheme = "http://"
		}
		for _, path := range []string{"/", "/mounted", "/none"} {
			answer(t, &http.Client{Transport: transport}, scheme+s.Addr().String()+path)
		}
	}
	if err := app.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range 3 {
		within(t, "a server", ended)
	}
	for _, transport := range clients {
		if c, ok := transport.(io.Closer); ok {
			c.Close()
		}
		if c, ok := transport.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}

func TestClientsTakeContexts(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	entered, release := make(chan struct{}, 10), make(chan struct{})
	defer close(release)
	app.Router().GET("/", func(ctx runtime.Context) error { entered <- struct{}{}; <-release; return nil })
	base := serving(t, app)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := app.NetworkClient().WithContext(ctx).Get(base+"/", nil)
		failed <- err
	}()
	<-entered
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("a request ended with %v", err)
	}
	pool, err := runtime.NewConnectionPool(runtime.ConnectionPoolConfig{Backends: map[string]string{"a": base}, MaxConnections: 1, WaitTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.GetConnectionContext(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.GetConnectionContext(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait ended with %v", err)
	}
}
