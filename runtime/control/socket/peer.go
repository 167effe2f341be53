package socket

import (
	"net"
	goruntime "runtime"
	"syscall"
)

// PeersKnown says whether this system tells who is at the other end of a
// connection. Where it does not, the rights of the socket's file decide alone.
const PeersKnown = goruntime.GOOS == "linux" || goruntime.GOOS == "darwin"

// Peer is the process at the other end of a connection, as the system reports
// it. A number that the system does not report is -1.
type Peer struct {
	UID, GID, PID int
	// LoginUID is the user who logged in, whatever sudo or su made of it since.
	LoginUID int
}

// Unknown is the peer of a connection about which the system reports nothing.
var Unknown = Peer{UID: -1, GID: -1, PID: -1, LoginUID: -1}

// PeerOf asks the kernel who connected. The credentials are those at the time of
// connect and stay so, whatever the process does later.
func PeerOf(c net.Conn) Peer {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return Unknown
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return Unknown
	}
	p := Unknown
	if raw.Control(func(fd uintptr) { p = peerOf(int(fd)) }) != nil {
		return Unknown
	}
	return p
}
