//go:build unix

package sockets

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is a listening descriptor kept outside of Go's poller.
type socket struct{ fd int }

// keepRaw takes the descriptor of ln out of Go's hands.
func keepRaw(ln *net.TCPListener) (socket, error) {
	defer ln.Close()
	return dupOf(ln)
}

func dupOf(c syscall.Conn) (socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return socket{}, err
	}
	var s socket
	var dupErr error
	if err := raw.Control(func(fd uintptr) { s, dupErr = socket{int(fd)}.dup() }); err != nil {
		return socket{}, err
	}
	return s, dupErr
}

func (s socket) dup() (socket, error) {
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	return socket{fd}, os.NewSyscallError("fcntl", err)
}

func (s socket) close() error { return os.NewSyscallError("close", unix.Close(s.fd)) }

func (s socket) file(name string) (*os.File, error) {
	d, err := s.dup()
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(d.fd), name), nil
}

func (s socket) listener() (*net.TCPListener, error) {
	f, err := s.file("slot")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ln, err := net.FileListener(f) // duplicates once more
	if err != nil {
		return nil, err
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		ln.Close()
		return nil, fmt.Errorf("a %T, want a TCP listener", ln)
	}
	return tcp, nil
}

func (s socket) release(ln *net.TCPListener) error { return ln.Close() }

// QueueLen is [Sockets.Queue] for who holds a slot as a listener or file.
func QueueLen(slot syscall.Conn) (waiting, limit int, err error) {
	raw, err := slot.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var queueErr error
	if err := raw.Control(func(fd uintptr) { waiting, limit, queueErr = socket{int(fd)}.queue() }); err != nil {
		return 0, 0, err
	}
	return waiting, limit, queueErr
}

// packetSocket is a UDP descriptor kept outside of Go's poller.
type packetSocket struct{ socket }

// keepPackets takes the descriptor of pc out of Go's hands.
func keepPackets(pc net.PacketConn) (packetSocket, error) {
	defer pc.Close()
	s, err := dupOf(pc.(*net.UDPConn))
	if err != nil {
		return packetSocket{}, err
	}
	enlarge(s.fd)
	return packetSocket{s}, nil
}

// enlarge gives the socket large buffers, as far as the system allows: a
// process with less privilege than this one may inherit it.
func enlarge(fd int) {
	if forceBuffers(fd) == nil {
		return
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, packetBuffer)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, packetBuffer)
}

func (s packetSocket) packetConn() (*net.UDPConn, error) {
	f, err := s.file("slot")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return packetConnOf(f)
}

// packetConnOf is a duplicate of f to be read and written.
func packetConnOf(f *os.File) (*net.UDPConn, error) {
	pc, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	udp, ok := pc.(*net.UDPConn)
	if !ok {
		pc.Close()
		return nil, fmt.Errorf("a %T, want a UDP socket", pc)
	}
	return udp, nil
}
