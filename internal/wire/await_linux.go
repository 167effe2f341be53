//go:build go1.26 && !go1.27

package wire

import (
	"net"
	"reflect"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
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

// await is what a connection needs to wait before it reads.
type await struct {
	handle uintptr // of the poller; 0 where that is not known
	wait   func(fd uintptr)
	empty  bool // the last read left nothing
}

// Await waits until there is something to read, or an end of it, or a deadline
// has passed. It may return for nothing, and does so the first time. Only who
// reads may call it, and in between nobody may wait for the socket otherwise,
// see [Conn.Forget]. Of an end that came together with the last bytes it does
// not tell, unless [Conn.Exact] was called.
func (c *Conn) Await() {
	if c.await == nil {
		c.expect()
	}
	if c.await.empty {
		// Control keeps the handle alive when somebody closes the connection
		// meanwhile; the wait then ends.
		c.raw.Control(c.await.wait)
	}
}

// Forget is called when the socket was waited for in another way: its poller may
// have told then what it will not tell again.
func (c *Conn) Forget() {
	if c.await != nil {
		c.await.empty = false
	}
}

func (c *Conn) expect() {
	c.await = &await{}
	if !pollDescs.known {
		return
	}
	handle := pollDescs.of(c.tcp)
	c.await.handle = handle
	c.await.wait = func(uintptr) { pollWait(handle, 'r') }
}

// took notes what a read has left: all that was there fitted in.
func (a *await) took(t *transfer) {
	if a != nil {
		a.empty = a.handle != 0 && 0 < t.n && t.n < len(t.p)
	}
}

// exact has the system tell with each read what there is left.
type exact struct {
	*await
	header unix.Msghdr
	vector unix.Iovec
	told   [4]uint64 // what the system says beside the bytes, see left
}

// Exact lets Await know of an end that came with the last bytes. Of what arrives
// later the poller tells, but of this it has told by then. It makes a read a
// fiftieth of a small request dearer.
func (c *Conn) Exact() {
	c.expect()
	if c.await.handle == 0 {
		return
	}
	err := error(nil)
	failed := c.raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_INQ, 1) })
	if failed != nil || err != nil {
		c.await.handle = 0 // better not at all
		return
	}
	e := &exact{await: c.await}
	e.header.Iov, e.header.Iovlen = &e.vector, 1
	e.header.Control = (*byte)(unsafe.Pointer(&e.told))
	c.recv = func(fd uintptr) bool {
		done := e.try(&c.in, fd)
		received(fd)
		return done
	}
}

// try is that of transfer with a look at what is left.
func (e *exact) try(t *transfer, fd uintptr) bool {
	e.vector.Base = unsafe.SliceData(t.p)
	e.vector.SetLen(len(t.p))
	for {
		e.header.SetControllen(len(e.told) * 8)
		n, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&e.header)), uintptr(t.flags))
		if errno == syscall.EINTR {
			continue
		}
		e.vector.Base = nil
		e.empty = errno == 0 && n > 0 && e.left() == 0
		return t.tried(n, errno)
	}
}

// left is how many bytes there are to read, one at least if the end is; -1 if it
// is not known.
func (e *exact) left() int {
	told := (*struct {
		unix.Cmsghdr
		n int32
	})(unsafe.Pointer(&e.told))
	if int(e.header.Controllen) < unix.CmsgLen(4) || told.Level != unix.IPPROTO_TCP || told.Type != unix.TCP_CM_INQ {
		return -1
	}
	return int(told.n)
}
