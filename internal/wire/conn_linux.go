package wire

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn reads from and writes to a TCP socket without telling Go's scheduler of
// each call. None of them can block, so there is nothing to tell; being told, it
// gives the processor to another thread whenever a call takes a moment more,
// which costs more than most requests.
type Conn struct {
	tcp        *net.TCPConn
	raw        syscall.RawConn
	recv, send func(fd uintptr) bool
	// What the call under way is about. Only one goroutine reads at a time, and
	// only one writes.
	in, out transfer
	full    atomic.Bool

	await *await // nil until it is asked for
}

type transfer struct {
	p     []byte
	flags int
	n     int
	errno syscall.Errno
}

// maxQuick is how much is written at once in this way. Copying more takes
// longer than the scheduler should be kept waiting.
const maxQuick = 64 << 10

// New is nil if tcp is. Deadlines, and closing, are those of tcp.
func New(tcp *net.TCPConn) *Conn {
	if tcp == nil {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	c := &Conn{tcp: tcp, raw: raw}
	c.recv = func(fd uintptr) bool {
		done := c.in.try(unix.SYS_RECVFROM, fd)
		c.await.took(&c.in)
		received(fd)
		return done
	}
	c.send = func(fd uintptr) bool {
		sending()
		done := c.out.try(unix.SYS_SENDTO, fd)
		if c.full.Load() == done {
			c.full.Store(!done)
		}
		return done
	}
	return c
}

// try says false if the call would have had to wait.
func (t *transfer) try(call, fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))), uintptr(len(t.p)), uintptr(t.flags), 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		return t.tried(n, errno)
	}
}

func (t *transfer) tried(n uintptr, errno syscall.Errno) bool {
	switch errno {
	case syscall.EAGAIN:
		return false
	case 0:
		t.n = int(n)
	}
	t.errno = errno
	return true
}

// end is what has become of the transfer, after waiting failed with err or not.
func (t *transfer) end(op string, err error) (int, error) {
	n, errno := t.n, t.errno
	*t = transfer{}
	if err == nil && errno != 0 {
		err = &net.OpError{Op: op, Net: "tcp", Err: errno}
	}
	return n, err
}

// Read reads what there is, and waits if that is nothing.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.in = transfer{p: p, flags: unix.MSG_DONTWAIT}
	n, err := c.in.end("read", c.raw.Read(c.recv))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Write writes all of p unless it fails. With more it lets the system keep what
// fills no packet for what follows at once.
func (c *Conn) Write(p []byte, more bool) (done int, err error) {
	flags := unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	if more {
		flags |= unix.MSG_MORE
	}
	for len(p) > 0 && err == nil {
		var n int
		c.out = transfer{p: p[:min(len(p), maxQuick)], flags: flags}
		n, err = c.out.end("write", c.raw.Write(c.send))
		done += n
		p = p[n:]
	}
	if err != nil {
		c.full.Store(false)
	}
	return done, err
}

// Full reports whether a write waits for the peer to take what was written before.
func (c *Conn) Full() bool { return c.full.Load() }
