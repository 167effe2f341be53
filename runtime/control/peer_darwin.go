package control

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

const peersAreKnown = true

// peerOf asks the kernel who connected. The credentials are those at the time
// of connect and stay so, whatever the process does later.
func peerOf(c net.Conn) Peer {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nobody
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nobody
	}
	p := nobody
	if raw.Control(func(fd uintptr) { p = peerOfSocket(int(fd)) }) != nil {
		return nobody
	}
	return p
}

func peerOfSocket(fd int) Peer {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return nobody
	}
	p := Peer{UID: int(cred.Uid), GID: -1, PID: -1, LoginUID: -1}
	if cred.Ngroups > 0 {
		p.GID = int(cred.Groups[0])
	}
	if pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil {
		p.PID = pid
	}
	return p
}
