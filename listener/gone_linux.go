package listener

import (
	"net"

	"golang.org/x/sys/unix"
)

const canTellGone = true

// ended says whether the peer has closed its side. What it sent before, such as
// the farewell of TLS, may still wait to be read.
func ended(tcp *net.TCPConn) bool {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(look, 0)
		gone = err == nil && n > 0
	})
	return gone || err != nil
}
