package control

import (
	"context"
	"fmt"
	"net"
	"strings"
)

// Peer is the process that opened a control connection, as the system tells
// it. A number that the system does not tell is -1.
type Peer struct {
	UID, GID, PID int
	// LoginUID is the user who logged in, whatever sudo or su made of it since.
	LoginUID int
}

var nobody = Peer{UID: -1, GID: -1, PID: -1, LoginUID: -1}

type peerKey struct{}

// ConnContext notes the peer of c in the context of its requests, for
// [Handler]; it fits http.Server.ConnContext. A [Serve] has it already.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerOf(c))
}

// PeerFrom returns the peer of a request's context. All its numbers are -1 if
// the connection did not come through [ConnContext].
func PeerFrom(ctx context.Context) Peer {
	if p, ok := ctx.Value(peerKey{}).(Peer); ok {
		return p
	}
	return nobody
}

// sign returns the name that someone claims together with what is known of
// them: "alice (uid 1000, pid 4242)". The claim cannot look like the rest.
func (p Peer) sign(claim string) string {
	claim = strings.NewReplacer("(", "[", ")", "]").Replace(clean(claim, 100))
	var known []string
	add := func(what string, n int) {
		if n >= 0 {
			known = append(known, fmt.Sprintf("%s %d", what, n))
		}
	}
	add("uid", p.UID)
	if p.LoginUID != p.UID {
		add("login uid", p.LoginUID)
	}
	add("pid", p.PID)
	if len(known) == 0 {
		return claim
	}
	return strings.TrimSpace(claim + " (" + strings.Join(known, ", ") + ")")
}
