package tui_test

import (
	"context"
	"log"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/tui"
)

// A program shows its own listeners. The program examples/cockpit does it with
// worker processes.
func ExampleRun() {
	app, err := runtime.New(runtime.FrameworkConfig{})
	if err != nil {
		log.Fatal(err)
	}
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, "Hello, World!") })

	go app.Start(":8080")
	tui.Run(context.Background(), app)
	app.Shutdown(context.Background())
}
