// Package runtime serves HTTP from a Go program or a config file, and changes
// while it serves: listeners start, stop, move and resize, limits and routes
// change, and the program itself is replaced, without losing a connection.
//
// # A program with routes
//
// [New] makes an [App]. Its [Router] takes handlers, [App.Start] serves them
// until SIGINT or SIGTERM and then drains:
//
//	app, err := runtime.New(runtime.FrameworkConfig{})
//	app.Router().GET("/users/{id}", func(ctx runtime.Context) error {
//		return ctx.JSON(200, map[string]string{"id": ctx.Param("id")})
//	})
//	err = app.Start(":8080")
//
// The same handlers serve HTTP/1.1, HTTP/2 ([Server.ListenTLS]) and HTTP/3
// ([Server.ListenQUIC]). [Router.Mount] mounts a plain http.Handler. With
// [ServerConfig.EnablePrefork], each worker is another process of the program:
// it runs the same code up to Start, which then serves as the worker.
//
// # A config file
//
// [Serve] is what the command rockstar-tui serve runs: config file, control
// socket, signals, upgrades. [Open] starts the same without them, for tests and
// for programs that have a [config.Config] of their own.
//
// # Operating it
//
// An App is a [control.Controller]: Snapshot and Watch show it, Plan, Apply and
// Act change it, History and Read look back. The cockpit (package tui) and the
// command line work on that interface alone, in this process or through a socket.
//
// # How it is built
//
// This package holds the Go API and ties rooms together that do the work, below
// runtime/internal: what decides (change, ledger, plan, probe), what serves
// (endpoints, serving, routes, nethttp), what looks (monitor, scoreboard) and what
// outlives a process (upgrade). ARCHITECTURE.md shows how they relate. The mechanisms know nothing
// of config or each other: packages listener, prefork and pool.
//
// Go's own package runtime is imported as goruntime throughout this module.
package runtime
