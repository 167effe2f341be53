// Command rockstar-tui serves network listeners and lets an operator watch and
// change them, live, from the terminal.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	goruntime "runtime"
	"syscall"

	"github.com/echterhof/rockstar-tui/internal/cli"
	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui"
)

// version is set by the linker.
var version = "dev"

func main() {
	if runtime.IsWorker() {
		if err := runtime.RunWorker(); err != nil {
			fmt.Fprintln(os.Stderr, "rockstar-tui:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == runtime.UpgradeCheck {
		if err := runtime.CheckUpgrade(os.Stdin, os.Stdout, version); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 2 && os.Args[1] == runtime.UpgradeStandBy {
		if err := runtime.StandBy(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "rockstar-tui:", err)
			os.Exit(1)
		}
		return
	}
	program := cli.Program{Version: version, Serve: serve, Cockpit: cockpit, Embedded: embedded}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(program.Run(ctx, os.Args[1:]))
}

func serve(ctx context.Context, o cli.ServeOptions) error {
	outliveReaders()
	return runtime.Serve(ctx, serveOptions(o, slog.New(slog.NewTextHandler(os.Stderr, nil))))
}

// outliveReaders catches SIGPIPE: a reader of standard error that leaves costs
// lines of the log then, and not the process. Ignoring it would be inherited.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

func serveOptions(o cli.ServeOptions, log *slog.Logger) runtime.ServeOptions {
	return runtime.ServeOptions{
		Options: runtime.Options{ConfigPath: o.ConfigPath, Version: version, Log: log,
			StateDir: o.StateDir, KeepOverrides: o.KeepOverrides, FallbackLastGood: o.FallbackLastGood},
		Socket:       o.Socket,
		ReadOnly:     o.ReadOnly,
		KeepOnHangup: o.Terminal,
		StandsBy:     true,
		Ready: func(*runtime.App) {
			if o.Ready != nil {
				o.Ready()
			}
		},
	}
}

func cockpit(ctx context.Context, ctl control.Controller, o cli.CockpitOptions) error {
	_, err := tui.Run(ctx, ctl, cockpitOptions(o))
	return err
}

func cockpitOptions(o cli.CockpitOptions) tui.Options {
	if o.NoColor {
		o.Theme = "mono"
	}
	return tui.Options{
		Target: o.Target, Theme: o.Theme, CPUs: goruntime.NumCPU(),
		ReadOnly: o.ReadOnly, OwnsRuntime: o.OwnsRuntime, Embedded: o.Embedded,
	}
}

// embedded shows the cockpit over a runtime in this process. Whatever takes the
// screen away, the terminal's end included, the runtime serves on without it;
// only stopping everything, or a signal, ends it.
func embedded(ctx context.Context, s cli.ServeOptions, c cli.CockpitOptions) error {
	outliveReaders()
	o := serveOptions(s, slog.New(slog.DiscardHandler)) // the screen belongs to the cockpit
	o.KeepOnHangup, o.Embedded = true, true
	apps, served := make(chan *runtime.App, 1), make(chan error, 1)
	o.Ready = func(app *runtime.App) { apps <- app }
	go func() { served <- runtime.Serve(ctx, o) }()
	select {
	case err := <-served:
		return err
	case app := <-apps:
		c.Embedded, c.OwnsRuntime = true, true
		outcome, err := tui.Run(ctx, app, cockpitOptions(c))
		if err != nil {
			fmt.Fprintln(os.Stderr, "rockstar-tui:", err)
		}
		if outcome == tui.Detached && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "The runtime serves on without its screen, pid %d. To drain and end it: rockstar-tui shutdown, or ctrl+c\n", os.Getpid())
		}
		return <-served
	}
}
