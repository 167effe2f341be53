// Command cockpit serves, and shows itself in the terminal: the same screens as
// rockstar-tui, over this program's own listener. Leaving the cockpit ends it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/tui"
)

func main() {
	addr := flag.String("addr", ":8080", "address to listen on")
	workers := flag.Int("workers", 2, "worker processes")
	flag.Parse()

	app, err := runtime.New(runtime.FrameworkConfig{
		ServerConfig: runtime.ServerConfig{EnablePrefork: *workers > 0, PreforkWorkers: *workers},
	})
	if err != nil {
		fail(err)
	}
	app.Router().GET("/", func(ctx runtime.Context) error {
		return ctx.String(200, "Hello, World!")
	})

	ctx := context.Background()
	served := make(chan error, 1)
	go func() { served <- app.Start(*addr) }()

	if _, err := tui.Run(ctx, app); err != nil {
		fail(err)
	}
	if err := app.Shutdown(ctx); err != nil {
		fail(err)
	}
	if err := <-served; err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "cockpit:", err)
	os.Exit(1)
}
