package control

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

const (
	headerTimeout = 5 * time.Second
	// shutdownTimeout is how long requests under way have to end.
	shutdownTimeout = 3 * time.Second
)

type peerKey struct{}

// ConnContext stores the peer of c in the context of its requests, for [Handler]
// on a server of one's own: it fits http.Server.ConnContext. [Serve] does it by
// itself.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, socket.PeerOf(c))
}

// peerFrom returns the peer of a request's context, unknown if the connection
// did not come through [ConnContext].
func peerFrom(ctx context.Context) socket.Peer {
	if p, ok := ctx.Value(peerKey{}).(socket.Peer); ok {
		return p
	}
	return socket.Unknown
}

type stoppingKey struct{}

// stopping returns a channel that is closed when the server ends, nil outside
// of [Serve].
func stopping(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return done
}

// Serve answers on ln with h, HTTP/1.1 and cleartext HTTP/2, until ctx ends,
// and closes ln. Watches end at once then, other requests under way have three
// seconds. It returns nil, or why ln failed.
func Serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := newServer(ctx, h)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	select {
	case err := <-ended:
		srv.Close()
		return err
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if srv.Shutdown(within) != nil {
		srv.Close()
	}
	<-ended
	return nil
}

func newServer(ctx context.Context, h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	// The end of ctx must reach watches only: a change that is being applied
	// is to end as it would, and its answer to arrive.
	base := context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, ctx.Done())
	return &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       ConnContext,
		// What net/http would log are peers that hang up or talk nonsense. By
		// default it goes to the standard error, where a cockpit may be drawing.
		ErrorLog: log.New(io.Discard, "", 0),
	}
}
