//go:build unix

package pool

import (
	"net"
	"syscall"
)

// preparePeek makes what usable needs, once per connection, so that asking
// allocates nothing.
func (c *conn) preparePeek() {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	c.raw = raw
	var b [1]byte
	c.probe = func(fd uintptr) {
		// Nothing to read on a live idle connection: EAGAIN. Sockets of Go never
		// block, so this returns at once.
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		c.quiet = err == syscall.EAGAIN || err == syscall.EINTR
	}
}

// usable reports whether an idle connection is still open and the backend has
// sent nothing unasked.
func (c *conn) usable() bool {
	if c.raw == nil {
		return true
	}
	// Control, unlike Read, does not mind a deadline of the last request.
	return c.raw.Control(c.probe) == nil && c.quiet
}
