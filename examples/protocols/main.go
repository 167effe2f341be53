// Command protocols serves the same routes by HTTP/1.1, HTTP/2 and HTTP/3, each
// from worker processes of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/echterhof/rockstar-tui/runtime"
)

func main() {
	plain := flag.String("addr", ":8080", "address of HTTP/1.1")
	secure := flag.String("tls", ":8443", "address of HTTP/2, TCP")
	quic := flag.String("quic", ":8443", "address of HTTP/3, UDP")
	cert := flag.String("cert", "cert.pem", "file of the certificate")
	key := flag.String("key", "key.pem", "file of its key")
	workers := flag.Int("workers", 0, "worker processes of each; 0 serves in this one")
	flag.Parse()

	// config of a server; all else has its default.
	config := func(name, protocol string) runtime.ServerConfig {
		return runtime.ServerConfig{
			Name: name, Protocol: protocol,
			EnablePrefork: *workers > 0, PreforkWorkers: *workers,
		}
	}
	app, err := runtime.New(runtime.FrameworkConfig{ServerConfig: config("plain", "http")})
	if err != nil {
		log.Fatal(err)
	}
	app.Router().GET("/", func(ctx runtime.Context) error {
		return ctx.String(200, fmt.Sprintf("%s %s %d", ctx.Server().Name(), ctx.Request().Proto, os.Getpid()))
	})

	ended := make(chan error, 3)
	go func() {
		server := app.Server().NewServer(config("secure", "http2"))
		ended <- server.ListenTLS(*secure, *cert, *key)
	}()
	go func() {
		server := app.Server().NewServer(config("quic", "quic"))
		ended <- server.ListenQUIC(*quic, *cert, *key)
	}()
	go func() { ended <- app.Start(*plain) }()

	// SIGINT and SIGTERM end all three; else the first that fails does.
	err = <-ended
	app.Shutdown(context.Background())
	if err != nil {
		log.Fatal(err)
	}
}
