package runtime

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

// door is the control socket of a runtime, which can be shut for a moment while
// those who knock wait, and how another program gets in.
type door struct {
	handler http.Handler
	refusal string // why no other program can get in; empty if one can
	signals *signals
	// standsBy says that the program can stand by for the one that replaces it, and
	// tells that this one says when it has taken over.
	standsBy, tells bool
	broken          chan error // gets why the socket failed

	socket net.Listener
	cancel context.CancelFunc
	shutUp chan struct{} // closed when nobody is answered any more
}

// open begins to answer.
func (d *door) open(socket net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	d.socket, d.cancel, d.shutUp = socket, cancel, make(chan struct{})
	go func() {
		defer close(d.shutUp)
		if err := control.Serve(ctx, socket, d.handler); err != nil && ctx.Err() == nil {
			d.broken <- fmt.Errorf("control socket: %w", err)
		}
	}()
}

// close ends answering; requests under way have a moment.
func (d *door) close() {
	d.cancel()
	<-d.shutUp
}

// shut is close, but whoever knocks waits.
func (d *door) shut() (*socket.Kept, error) {
	kept, err := socket.Keep(d.socket)
	if err == nil {
		d.close()
	}
	return kept, err
}

func (d *door) reopen(kept *socket.Kept) error {
	socket, err := kept.Adopt()
	if err != nil {
		d.broken <- err
		return err
	}
	d.open(socket)
	return nil
}
