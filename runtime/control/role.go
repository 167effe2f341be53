package control

import (
	"os"

	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

// Roles of who asks. Without one, nothing is answered.
const (
	RoleAdmin  = "admin"
	RoleViewer = "viewer" // sees everything, changes nothing
)

// DefaultRole makes root and the user whose runtime it is admins, and gives
// nobody else a role. Where the system does not tell who a peer is, whoever the
// socket's file lets in is an admin.
func DefaultRole(p socket.Peer) string {
	switch {
	case p.UID < 0 && socket.PeersKnown:
		return ""
	case p.UID < 0, p.UID == 0, p.UID == os.Geteuid():
		return RoleAdmin
	}
	return ""
}
