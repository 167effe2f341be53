package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
	"github.com/echterhof/rockstar-tui/runtime/internal/demo"
	"github.com/echterhof/rockstar-tui/runtime/internal/procstat"
	"github.com/echterhof/rockstar-tui/runtime/internal/reaper"
	"github.com/echterhof/rockstar-tui/runtime/internal/upgrade"
)

// ServeOptions of a runtime with a control socket.
type ServeOptions struct {
	Options
	// Socket is the path of the control socket.
	Socket string
	// ReadOnly makes every client of the socket a viewer.
	ReadOnly bool
	// KeepOnHangup ignores SIGHUP, which otherwise asks for a reload: for a
	// runtime that was started from a terminal, whose end it is to survive.
	KeepOnHangup bool
	// Embedded says that this process does more than to serve, so that no other
	// program can take its place.
	Embedded bool
	// StandsBy says that the program calls [StandBy] when it is started with
	// [UpgradeStandBy]: it then comes back if one that replaces it dies.
	StandsBy bool
	// Ready is called once, when all listeners serve and the socket answers.
	Ready func(*App)
}

// Serve runs a runtime that is operated through a control socket, until it is
// shut down through it or ctx ends; then it drains. Without a config it runs the
// demo.
func Serve(ctx context.Context, o ServeOptions) error {
	before, err := upgrade.Inherited()
	if err != nil {
		return err
	}
	ln, err := controlSocket(o.Socket, before)
	if err != nil {
		return err
	}
	defer ln.Close()
	o.dedicated = true
	if err := o.makeOrphanDir(); err == nil {
		defer os.Remove(o.orphanDir)
	}
	d := &door{broken: make(chan error, 1), refusal: o.refusal()}
	procstat.KeepThreads()
	app, release, err := openWith(ctx, o.Options, before)
	if err != nil {
		return err
	}
	d.handler = control.Handler(app, control.HandlerOptions{Version: o.Version, Log: app.log, Role: roles(o.ReadOnly)})
	app.upgrade.Open(d, o.StandsBy)
	app.background(reaper.Run)
	d.signals = handleSignals(app, o.KeepOnHangup)
	defer d.signals.stop()
	d.open(ln)
	app.upgrade.CameBack()
	if before != nil {
		go func() {
			defer release()
			app.upgrade.TakeOver(before)
		}()
	}
	if o.Ready != nil {
		o.Ready(app)
	}
	select {
	case <-app.Done():
	case <-ctx.Done():
		err = app.Shutdown(context.Background())
	case err = <-d.broken:
		err = errors.Join(err, app.Shutdown(context.Background()))
	}
	d.close()
	return err
}

// makeOrphanDir makes the directory in which workers wait for another master should
// this one die. Without one they drain then, which is told.
func (o *ServeOptions) makeOrphanDir() error {
	orphanDir, err := filepath.Abs(o.Socket + ".orphans")
	if err == nil {
		err = prefork.MakeOrphanDir(orphanDir)
	}
	if err == nil {
		o.orphanDir = orphanDir
	} else if !errors.Is(err, errors.ErrUnsupported) {
		o.noOrphanDir = err.Error()
	}
	return err
}

// refusal is why another program cannot take the place of this one.
func (o ServeOptions) refusal() string {
	switch {
	case o.Embedded:
		return "this process also runs the cockpit: end it and start the new version"
	case o.ConfigPath == "" && o.Config == nil:
		return "this is the demo, whose backends run in this process: end it and start the new version"
	}
	return ""
}

// controlSocket is a new one, or that of the program before.
func controlSocket(path string, before *upgrade.State) (net.Listener, error) {
	if before == nil {
		return socket.Listen(path)
	}
	return before.Control.Adopt()
}

// openWith opens what the options name, or goes on with what the program before
// has left. Then nothing changes until release is called.
func openWith(ctx context.Context, o Options, before *upgrade.State) (a *App, release func(), err error) {
	if before == nil {
		a, err = openOrDemo(ctx, o)
		return a, nil, err
	}
	return resume(o, before)
}

// roles of the socket's clients.
func roles(readOnly bool) func(socket.Peer) string {
	return func(p socket.Peer) string {
		role := control.DefaultRole(p)
		if role != "" && readOnly {
			return control.RoleViewer
		}
		return role
	}
}

// openOrDemo opens what the options name, or the demo when they name nothing.
func openOrDemo(ctx context.Context, o Options) (*App, error) {
	if o.ConfigPath != "" || o.Config != nil {
		return Open(ctx, o)
	}
	// The backends outlive ctx: what drains at the end still needs them.
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	d, err := demo.Start(lasting)
	if err == nil {
		o.Config, err = config.Parse("demo", []byte(d.Config()))
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("demo: %w", err)
	}
	app, err := Open(ctx, o)
	if err != nil {
		stop()
		return nil, err
	}
	app.background(func(ctx context.Context) { d.Traffic(ctx, app.endpoints.Addresses) })
	go func() {
		<-app.Done()
		stop()
	}()
	return app, nil
}
