// Package spare keeps descriptors back, so that clients cannot take all that a
// process may have: its control socket, its workers and its files work on.
package spare

import (
	"sync/atomic"
	"syscall"
)

// Bounds of what is kept back: an eighth of the limit, within these.
const (
	least = 16
	most  = 512
)

// limit of descriptors as last read; 0 before it was, or where there is none.
var limit atomic.Int64

// Reserve is how many descriptors are kept back of that many.
func Reserve(limit uint64) uint64 {
	return min(max(limit/8, least), most)
}

// FromClient reports whether the descriptor of a client's connection is one of
// those kept back, so that the connection has to be closed at once. A process
// gets its lowest free descriptor: a high number means that all below are taken.
func FromClient(conn any) bool { return within(conn, 1) }

// FromBackend is FromClient for connections to backends.
func FromBackend(conn any) bool { return within(conn, 2) }

// ForRequest is FromBackend for what else is opened for a request: both may use
// half of what is kept back, because a client that was let in should be served.
func ForRequest(fd int) bool { return reserved(uint64(fd), 2) }

// within reports whether the descriptor of a connection is within the last part
// of the reserve.
func within(conn any, part uint64) bool {
	fd, ok := descriptor(conn)
	return ok && reserved(fd, part)
}

func reserved(fd, part uint64) bool {
	if l := uint64(limit.Load()); l > 0 && fd < l-Reserve(l)/part {
		return false
	}
	l := read() // the limit may have been changed from outside
	limit.Store(int64(l))
	return l > 0 && fd+Reserve(l)/part >= l
}

// descriptor of a connection or file, if it has one.
func descriptor(conn any) (number uint64, ok bool) {
	c, is := conn.(syscall.Conn)
	if !is {
		return 0, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) { number = uint64(fd) })
	return number, err == nil
}
