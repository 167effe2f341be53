// Command ratelimited serves from a listener of its own, which accepts so many
// connections per second.
package main

import (
	"flag"
	"fmt"
	"log"

	"github.com/echterhof/rockstar-tui/runtime"
)

func main() {
	addr := flag.String("addr", ":8080", "address to listen on")
	rate := flag.Int("rate", 1000, "connections per second")
	flag.Parse()

	app, err := runtime.New(runtime.FrameworkConfig{})
	if err != nil {
		log.Fatal(err)
	}
	app.Router().GET("/", func(ctx runtime.Context) error {
		return ctx.String(200, "Hello, World!")
	})

	listener, err := runtime.NewRateLimitedListener(*addr, *rate)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	server := app.Server().NewServer(runtime.ServerConfig{})
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
