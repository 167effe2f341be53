package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/demo"
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
	// Ready is called once, when all listeners serve and the socket answers.
	Ready func(*App)
}

// Serve runs a runtime that is operated through a control socket, until it is
// shut down through it or ctx ends; then it drains. Without a config it runs the
// demo.
func Serve(ctx context.Context, o ServeOptions) error {
	socket, err := control.Listen(o.Socket)
	if err != nil {
		return err
	}
	defer socket.Close()
	o.alone = true
	app, err := openOrDemo(ctx, o.Options)
	if err != nil {
		return err
	}
	handler := control.Handler(app, control.HandlerOptions{Version: o.Version, Log: app.log, Role: roles(o.ReadOnly)})
	served := make(chan error, 1)
	socketCtx, closeSocket := context.WithCancel(context.Background())
	defer closeSocket()
	go func() { served <- control.Serve(socketCtx, socket, handler) }()
	hangup := handleHangup(app, o.KeepOnHangup)
	defer hangup()
	if o.Ready != nil {
		o.Ready(app)
	}
	select {
	case <-app.Done():
	case <-ctx.Done():
		err = app.Shutdown(context.Background())
	case err = <-served:
		err = errors.Join(fmt.Errorf("control socket: %w", err), app.Shutdown(context.Background()))
		served <- nil
	}
	closeSocket()
	<-served
	return err
}

// roles of the socket's clients.
func roles(readOnly bool) func(control.Peer) string {
	return func(p control.Peer) string {
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
	app.background(func(ctx context.Context) { d.Traffic(ctx, app.addresses) })
	go func() {
		<-app.Done()
		stop()
	}()
	return app, nil
}

// addresses of the listeners that serve, by name.
func (a *App) addresses() map[string]string {
	out := map[string]string{}
	for _, m := range a.sortedListeners() {
		if e := m.endpoint(); e != nil {
			out[m.name] = e.sockets.Addr().String()
		}
	}
	return out
}
