//go:build unix

package listener

import (
	"net"

	"golang.org/x/sys/unix"
)

// waiting says whether something from the client waits to be read: bytes, not
// the end of the connection.
func waiting(tcp *net.TCPConn) bool {
	n := -1
	if tcp != nil {
		if raw, err := tcp.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { n, _ = peek(fd) })
		}
	}
	return n > 0
}

// Connections can wait without an engine.
const canPark = true

// waitReadable waits for bytes, the end of the connection or a deadline.
func waitReadable(tcp *net.TCPConn) error {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		_, err := peek(fd)
		return err != unix.EAGAIN
	})
}

func peek(fd uintptr) (int, error) {
	var b [1]byte
	for {
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// readable says whether a read would not have to wait. One that would fail for
// another reason than a closed socket counts as readable too.
func readable(tcp *net.TCPConn) (state readiness) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return isClosed
	}
	state = isClosed
	raw.Control(func(fd uintptr) {
		state = isReadable
		if _, err := peek(fd); err == unix.EAGAIN {
			state = isQuiet
		}
	})
	return state
}
