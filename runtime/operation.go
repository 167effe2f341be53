package runtime

import (
	"net"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

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
	a.state.open(Options{StateDir: o.stateDir}, a.events)
	a.ledger.Load(a.state.generations())
	if s := a.state.savedState(ledger.TrialFile); s != nil { // the program starts with what it says itself
		a.events.Warn("", message.ProgramTrialEnded, orSomebody(s.Actor))
		a.state.remove(ledger.TrialFile)
	}
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
