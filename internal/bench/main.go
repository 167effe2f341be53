//go:build linux

// Command bench measures rockstar-tui beside nginx, HAProxy and Caddy, all in
// one run on loopback, and writes the result as a page of Markdown.
//
// What it measures is the CPU time of the server's processes per request, from
// /proc: unlike requests per second it does not ask how fast the load generator
// is. Servers run on one core and the load on another; the servers take turns
// in every round, so that whatever else the machine does meets all of them.
//
// It needs Linux with two cores, and from Debian: wrk, nghttp2-client (h2load),
// nginx-light, haproxy. What is missing is left out. Caddy is built from its
// module into a temporary folder, unless -caddy names a binary.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// options of a run.
type options struct {
	rounds  int
	trial   time.Duration
	conns   int
	out     string
	caddy   string
	program string
	beside  string
	only    string
}

func main() {
	if isHTTP3Load() {
		if err := http3Load(os.Args[2], os.Args[3:]...); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of every trial")
	flag.DurationVar(&o.trial, "trial", time.Second, "length of a trial")
	flag.IntVar(&o.conns, "conns", 10_000, "idle connections whose memory is measured")
	flag.StringVar(&o.out, "o", "docs/bench.md", "file to write")
	flag.StringVar(&o.caddy, "caddy", "", "caddy binary; built if empty, left out if none")
	flag.StringVar(&o.program, "program", "", "rockstar-tui binary; built if empty")
	flag.StringVar(&o.beside, "beside", "", "NAME=PATH of another rockstar-tui binary to measure beside it, such as that of before a change")
	flag.StringVar(&o.only, "only", "", "words; only trials with one of them in their name are run (memory and watching are names too)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	page, err := b.measure(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(o.out, page, 0o644)
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
