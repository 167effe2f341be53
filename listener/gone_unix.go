//go:build unix && !linux

package listener

import (
	"net"

	"golang.org/x/sys/unix"
)

const canTellGone = true

// ended says whether the peer has closed its side and nothing waits before that.
func ended(tcp *net.TCPConn) bool {
	gone := false
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		n, err := peek(fd)
		gone = n == 0 && err == nil || err != nil && err != unix.EAGAIN
	})
	return gone || err != nil
}
