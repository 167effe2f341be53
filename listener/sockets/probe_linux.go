package sockets

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// errProbed ends the opening of a socket that was only to be asked about.
var errProbed = errors.New("probed")

// probeAddress binds a socket and never listens on it. The one that net opens
// goes no further than having been configured.
func probeAddress(ctx context.Context, address string, datagrams bool) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	lc.Control = func(_, addr string, c syscall.RawConn) error {
		if err := probe(addr, c); err != nil {
			return err
		}
		return errProbed
	}
	var err error
	if datagrams {
		_, err = lc.ListenPacket(ctx, "udp", address)
	} else {
		_, err = lc.Listen(ctx, "tcp", address)
	}
	if errors.Is(err, errProbed) {
		return nil
	}
	return err
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
