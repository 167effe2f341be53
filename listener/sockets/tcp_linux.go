package sockets

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const slotsSupported = true

// listen opens one listening socket, which with share may be one of several on
// its port. The first of them makes sure that no stranger is among them.
func listen(ctx context.Context, address string, share, alone bool) (socket, net.Addr, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // its sockets take no steering program
	if share {
		lc.Control = func(_, _ string, c syscall.RawConn) error { return shareable(c) }
	}
	if share && alone {
		lc.Control = func(_, addr string, c syscall.RawConn) error {
			if err := probe(addr, c); err != nil {
				return err
			}
			return shareable(c)
		}
	}
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return socket{}, nil, err
	}
	s, err := keepRaw(ln.(*net.TCPListener))
	return s, ln.Addr(), err
}

func shareable(c syscall.RawConn) error {
	return control(c, func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	})
}

func control(c syscall.RawConn, fn func(fd int) error) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = fn(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// queue reads the two gauges the kernel keeps for a listening socket in fields
// that mean something else on a connection.
func (s socket) queue() (waiting, limit int, err error) {
	info, err := unix.GetsockoptTCPInfo(s.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, 0, fmt.Errorf("accept queue: %w", os.NewSyscallError("getsockopt", err))
	}
	return int(info.Unacked), int(info.Sacked), nil
}
