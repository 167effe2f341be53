package runtime

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
	"github.com/echterhof/rockstar-tui/runtime/internal/upgrade"
)

// door is the control endpoint of a runtime: its socket, and the signals by which it
// is operated. It can be paused for a moment while clients wait.
type door struct {
	handler http.Handler
	refusal string // why no other program can get in; empty if one can
	signals *signals
	broken  chan error // gets why the socket failed

	socket net.Listener
	cancel context.CancelFunc
	closed chan struct{} // closed when nobody is answered any more
}

var _ upgrade.Door = (*door)(nil)

// open begins to answer.
func (d *door) open(socket net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	d.socket, d.cancel, d.closed = socket, cancel, make(chan struct{})
	go func() {
		defer close(d.closed)
		if err := control.Serve(ctx, socket, d.handler); err != nil && ctx.Err() == nil {
			d.broken <- fmt.Errorf("control socket: %w", err)
		}
	}()
}

// close ends answering; requests under way have a moment.
func (d *door) close() {
	d.cancel()
	<-d.closed
}

// Pause is close, but new clients queue until Resume.
func (d *door) Pause() (*socket.Kept, error) {
	kept, err := socket.Keep(d.socket)
	if err == nil {
		d.close()
	}
	return kept, err
}

// Resume answers again.
func (d *door) Resume(kept *socket.Kept) error {
	socket, err := kept.Adopt()
	if err != nil {
		d.broken <- err
		return err
	}
	d.open(socket)
	return nil
}

// Refusal is why no other program can get in; empty if one can.
func (d *door) Refusal() string { return d.refusal }

// IgnoreSignals is inherited by the program that follows.
func (d *door) IgnoreSignals() (restore func()) { return d.signals.ignore() }

// operation is how an App of Go code is operated from outside of its process.
// It is used by whose turn it is.
type operation struct {
	socket   string // path of the control socket; empty for none
	readOnly bool
	stateDir string
	begun    bool
}

// begin opens the state directory and the control socket, at the first start of
// a server. After an error it can be tried again.
func (o *operation) begin(a *App) error {
	if o.begun {
		return nil
	}
	var ln net.Listener
	if o.socket != "" {
		var err error
		if ln, err = socket.Listen(o.socket); err != nil {
			return err
		}
	}
	o.begun = true
	a.engine.OpenProgramState(o.stateDir)
	if ln != nil {
		o.answer(a, ln)
	}
	return nil
}

// answer serves the control socket until the App has shut down.
func (o *operation) answer(a *App, ln net.Listener) {
	d := &door{broken: make(chan error, 1)}
	d.handler = control.Handler(a, control.HandlerOptions{Version: a.version, Log: a.log, Role: roles(o.readOnly)})
	d.open(ln)
	go func() {
		select {
		case <-a.Done():
		case err := <-d.broken:
			a.events.Error("", message.SocketBroken, err)
		}
		d.close()
		ln.Close()
	}()
}
