//go:build go1.26 && !go1.27

package listener

import (
	"net"
	"reflect"
	"unsafe"
)

// Go reads from a socket before it waits for it. Between two requests that read
// fails nearly always, and costs a twentieth of a small request. A connection
// can do without: the poller tells of everything that arrives after the socket
// was read empty. What is missing is a way to ask it, so its own function is
// called here, in versions of Go that are known to have it; await_other.go is
// for all others.

//go:linkname pollWait internal/poll.runtime_pollWait
func pollWait(desc uintptr, mode int) int

// pollDesc is where a connection has its handle of the poller.
type pollDesc struct {
	fd, handle uintptr // of the descriptor in a net.TCPConn, and of the handle in that
	known      bool
}

var pollDescs = findPollDesc(reflect.TypeFor[net.TCPConn]())

// findPollDesc is unknown where the types are not those that were looked at
// when this was written.
func findPollDesc(conn reflect.Type) (at pollDesc) {
	fd, ok := conn.FieldByName("fd")
	if !ok || fd.Type.Kind() != reflect.Pointer {
		return at
	}
	t := fd.Type.Elem()
	for _, name := range []string{"pfd", "pd", "runtimeCtx"} {
		if t.Kind() != reflect.Struct {
			return at
		}
		f, ok := t.FieldByName(name)
		if !ok {
			return at
		}
		at.handle += f.Offset
		t = f.Type
	}
	at.fd, at.known = fd.Offset, t.Kind() == reflect.Uintptr
	return at
}

func (at pollDesc) of(tcp *net.TCPConn) uintptr {
	fd := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(tcp), at.fd))
	return *(*uintptr)(unsafe.Add(fd, at.handle))
}

// newAwait makes what waits until there is something to read from tcp, or an
// end of it, or a deadline has passed; nil where that is not possible. It may
// only be called by who reads from tcp, and only after a read that gave less
// than there was room for. Of an end that had arrived by then it does not tell.
func newAwait(tcp *net.TCPConn) func() {
	if !pollDescs.known {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	handle := pollDescs.of(tcp)
	wait := func(uintptr) { pollWait(handle, 'r') }
	// Control keeps the handle alive when somebody closes the connection
	// meanwhile; the wait then ends.
	return func() { raw.Control(wait) }
}
