// Package demo is what there is to see without a config file: two listeners, a
// pool with two real backends, and a little real traffic on loopback.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	goruntime "runtime"
	"strings"
)

// Addresses that the listeners get if nobody else has them.
const (
	usualWeb   = "127.0.0.1:8080"
	usualHello = "127.0.0.1:8081"
)

// Demo has its backends running, on loopback, until the context of [Start] ends.
type Demo struct {
	a, b       *server
	web, hello string
}

// Start starts the backends and finds addresses for the listeners. Nothing
// holds those addresses until a runtime binds them.
func Start(ctx context.Context) (*Demo, error) {
	web, hello, err := freeAddresses()
	if err != nil {
		return nil, fmt.Errorf("find addresses for the listeners: %w", err)
	}
	a, errA := serve(ctx, "a", quick)
	b, errB := serve(ctx, "b", slower)
	if err := errors.Join(errA, errB); err != nil {
		a.stop()
		b.stop()
		return nil, fmt.Errorf("start backends: %w", err)
	}
	return &Demo{a: a, b: b, web: web, hello: hello}, nil
}

// Wait waits until the backends have ended, after the context of Start has.
func (d *Demo) Wait() {
	<-d.a.done
	<-d.b.done
}

// Config is the text of the demo's config file, fit for this machine.
func (d *Demo) Config() string {
	prefork := "prefork: {workers: 4}"
	if goruntime.GOOS == "windows" {
		prefork = "# no prefork on Windows: served in this process"
	}
	return strings.NewReplacer(
		"$hello", d.hello, "$web", d.web, "$prefork", prefork, "$a", d.a.url(), "$b", d.b.url(),
	).Replace(text)
}

const text = `# The demo: two listeners, and a pool whose backends the demo itself provides.
version: 1
listeners:
  hello:                         # served in the master process
    address: "$hello"
    routes:
      - match: "GET /hello"
        respond: {body: "Hello, World!\n"}
      - match: "GET /stats/connections"
        stats: {}
  web:                           # served by worker processes
    address: "$web"
    $prefork
    routes:
      - match: "GET /hello"
        respond: {body: "Hello, World!\n"}
      - match: "/api/"
        proxy: {pool: api}
      - match: "GET /stats/connections"
        stats: {}
pools:
  api:
    backends:
      a: {url: "$a"}
      b: {url: "$b", weight: 2}
`

// freeAddresses returns an address for each listener: the usual ones, or free
// ports in place of those that are taken.
func freeAddresses() (web, hello string, err error) {
	w, err := listenAt(usualWeb)
	if err != nil {
		return "", "", err
	}
	// Both are held until both are known, lest they be the same.
	defer func() { _ = w.Close() }()
	h, err := listenAt(usualHello)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = h.Close() }()
	return w.Addr().String(), h.Addr().String(), nil
}

func listenAt(usual string) (net.Listener, error) {
	if ln, err := net.Listen("tcp", usual); err == nil {
		return ln, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}
