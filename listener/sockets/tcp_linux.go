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

// probe binds a socket like c without SO_REUSEPORT, which fails if anybody
// listens there, and closes it again. It never listens.
func probe(address string, c syscall.RawConn) error {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil || addr.Port == 0 {
		return err
	}
	return control(c, func(fd int) error {
		domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil {
			return os.NewSyscallError("getsockopt", err)
		}
		return bindProbe(domain, fd, addr)
	})
}

func bindProbe(domain, like int, addr *net.TCPAddr) error {
	kind, err := unix.GetsockoptInt(like, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if kind == unix.SOCK_STREAM { // for connections of before; UDP would share the port
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if domain == unix.AF_INET {
		return os.NewSyscallError("bind", unix.Bind(fd, sockaddr4(addr)))
	}
	only, err := unix.GetsockoptInt(like, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	if err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	sa, err := sockaddr6(addr)
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", unix.Bind(fd, sa))
}

func sockaddr4(addr *net.TCPAddr) unix.Sockaddr {
	sa := &unix.SockaddrInet4{Port: addr.Port}
	copy(sa.Addr[:], addr.IP.To4())
	return sa
}

func sockaddr6(addr *net.TCPAddr) (unix.Sockaddr, error) {
	sa := &unix.SockaddrInet6{Port: addr.Port}
	if !addr.IP.IsUnspecified() { // 0.0.0.0 means all of both families
		copy(sa.Addr[:], addr.IP.To16())
	}
	if addr.Zone == "" {
		return sa, nil
	}
	ifi, err := net.InterfaceByName(addr.Zone)
	if err != nil {
		return nil, err
	}
	sa.ZoneId = uint32(ifi.Index)
	return sa, nil
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
