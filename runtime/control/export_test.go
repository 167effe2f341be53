package control

import (
	"context"

	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

// Doors for tests.
var (
	DecodeLine = decodeLine
	ReadLines  = readLines
)

// Route describes one path of the handler.
type Route struct {
	Path, Method string
	Writes       bool
}

// Routes returns all of them.
func Routes() []Route {
	var all []Route
	for path, r := range routes {
		all = append(all, Route{path, r.method, r.writes})
	}
	return all
}

// WithPeer returns a context of a request by p.
func WithPeer(ctx context.Context, p socket.Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// Bind sets how many bytes of an answer or a line the client reads at most.
func (c *Client) Bind(n int) { c.bound = n }
