package listener

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes wait in the system's queue for the client to take them,
// if that is known.
func unsent(tcp *net.TCPConn) (n int, known bool) {
	if tcp == nil {
		return 0, false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, false
	}
	raw.Control(func(fd uintptr) {
		n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	})
	return n, err == nil
}
