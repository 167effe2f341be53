package runtime_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// An admin port has routes that the public one has not.
func ExampleServer_Router() {
	app := quiet()
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, "welcome") })
	admin := app.Server().NewServer(runtime.ServerConfig{Name: "admin"})
	admin.Router().GET("/health", func(ctx runtime.Context) error { return ctx.String(200, "healthy") })

	go app.Start("127.0.0.1:0")
	go admin.Listen("127.0.0.1:0")
	show(app.Server(), "/health")
	show(admin, "/health")
	app.Shutdown(context.Background())
	// Output:
	// 404 404 page not found
	// 200 healthy
}

// The program ends the App by a context of its own, and closes what it has opened
// when the last request has been answered.
func ExampleApp_StartContext() {
	app, err := runtime.New(runtime.FrameworkConfig{LeaveSignals: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, "hello") })
	app.OnShutdown(func(context.Context) error {
		fmt.Println("the database is closed")
		return nil
	})

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.StartContext(ctx, "127.0.0.1:0") }()
	show(app.Server(), "/")
	cancel()
	fmt.Println(<-ended)
	// Output:
	// 200 hello
	// the database is closed
	// <nil>
}

// A certificate that the program chooses for each connection, as autocert does.
func ExampleServerConfig_tls() {
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	defer certs.Close()
	app := quiet()
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, ctx.Request().Proto) })
	server := app.Server().NewServer(runtime.ServerConfig{TLS: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certs.TLS.Certificates[0], nil },
	}})

	go server.ListenTLS("127.0.0.1:0", "", "")
	for !server.IsRunning() {
		time.Sleep(time.Millisecond)
	}
	client := certs.Client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	resp, err := client.Get("https://" + server.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))
	client.CloseIdleConnections()
	server.Close()
	// Output: HTTP/2.0
}

func ExampleCreateListener() {
	ln, err := runtime.CreateListener(runtime.ListenerConfig{Network: "tcp4", Address: "127.0.0.1:0", ReadBuffer: 64 << 10})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ln.Addr().Network())
	ln.Close()

	_, err = runtime.CreateListener(runtime.ListenerConfig{Network: "udp", Address: ":0"})
	fmt.Println(err)
	// Output:
	// tcp
	// create listener: network "udp" is unknown: use one of tcp, tcp4, tcp6, unix
}
