//go:build unix

package sockets

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// packetSocket is a UDP descriptor kept outside of Go's poller.
type packetSocket struct{ socket }

// keepPackets takes the descriptor of pc out of Go's hands.
func keepPackets(pc net.PacketConn) (packetSocket, error) {
	defer pc.Close()
	raw, err := pc.(*net.UDPConn).SyscallConn()
	if err != nil {
		return packetSocket{}, err
	}
	var s socket
	var dupErr error
	if err := raw.Control(func(fd uintptr) { s, dupErr = socket{int(fd)}.dup() }); err != nil {
		return packetSocket{}, err
	}
	if dupErr != nil {
		return packetSocket{}, dupErr
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
