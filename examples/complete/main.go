// Command complete is a server tuned for many connections: worker processes that
// share the port, timeouts, keep-alive, buffers and limits.
package main

import (
	"flag"
	"os"
	goruntime "runtime"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

func main() {
	addr := flag.String("addr", ":8080", "address to listen on")
	workers := flag.Int("workers", goruntime.NumCPU(), "worker processes")
	flag.Parse()

	config := runtime.FrameworkConfig{
		ServerConfig: runtime.ServerConfig{
			// Prefork, where the system has it
			EnablePrefork:  runtime.GetPlatformInfo().Prefork,
			PreforkWorkers: *workers,

			// Timeouts
			ReadTimeout:  10 * time.Second,
			WriteTimeout: 10 * time.Second,
			IdleTimeout:  120 * time.Second,

			// Keep-alive
			EnableKeepAlive: true,
			KeepAlivePeriod: 3 * time.Minute,

			// Buffer sizes
			ReadBufferSize:  8192,
			WriteBufferSize: 8192,

			// Connection limits
			MaxHeaderBytes: 1 << 20, // 1 MiB
		},
	}

	app, err := runtime.New(config)
	if err != nil {
		panic(err)
	}

	// Routes are the same in every worker.
	app.Router().GET("/", func(ctx runtime.Context) error {
		return ctx.String(200, "Hello, World!")
	})
	app.Router().GET("/pid", func(ctx runtime.Context) error {
		return ctx.JSON(200, os.Getpid())
	})
	app.Router().GET("/stats/connections", func(ctx runtime.Context) error {
		return ctx.JSON(200, ctx.Server().Stats())
	})

	// SIGINT and SIGTERM end it gracefully.
	if err := app.Start(*addr); err != nil {
		panic(err)
	}
}
