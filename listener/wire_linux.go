package listener

import (
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wireIO reads from and writes to a TCP socket without telling Go's scheduler
// of each call. None of them can block, so there is nothing to tell; being told,
// it gives the processor to another thread whenever a call takes a moment more,
// which costs more than most requests.
type wireIO struct {
	raw        syscall.RawConn
	recv, send func(fd uintptr) bool
	// What the call under way is about. Only one goroutine reads at a time, and
	// only one writes.
	in, out transfer
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

func newWireIO(tcp *net.TCPConn) *wireIO {
	if tcp == nil {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	w := &wireIO{raw: raw}
	w.recv = func(fd uintptr) bool { return w.in.try(unix.SYS_RECVFROM, fd) }
	w.send = func(fd uintptr) bool { return w.out.try(unix.SYS_SENDTO, fd) }
	return w
}

// try says false if the call would have had to wait.
func (t *transfer) try(call, fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))), uintptr(len(t.p)), uintptr(t.flags), 0, 0)
		switch errno {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		case 0:
			t.n = int(n)
		}
		t.errno = errno
		return true
	}
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

func (w *wireIO) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	w.in = transfer{p: p, flags: unix.MSG_DONTWAIT}
	n, err := w.in.end("read", w.raw.Read(w.recv))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// write writes all of p unless it fails. With more it lets the system keep what
// fills no packet for what follows at once.
func (w *wireIO) write(p []byte, more bool) (done int, err error) {
	flags := unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	if more {
		flags |= unix.MSG_MORE
	}
	for len(p) > 0 && err == nil {
		var n int
		w.out = transfer{p: p[:min(len(p), maxQuick)], flags: flags}
		n, err = w.out.end("write", w.raw.Write(w.send))
		done += n
		p = p[n:]
	}
	return done, err
}
