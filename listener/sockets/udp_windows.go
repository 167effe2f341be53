package sockets

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// packetSocket is the one socket there is; it can be served in this process only.
type packetSocket struct{ pc *net.UDPConn }

func listenPackets(ctx context.Context, address string, _, _ bool) (packetSocket, net.Addr, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return packetSocket{}, nil, err
	}
	return packetSocket{pc.(*net.UDPConn)}, pc.LocalAddr(), nil
}

func steerPackets(packetSocket, []int, int) error { return nil }

func quiescePackets(packetSocket) error { return nil }

func (s packetSocket) close() error { return s.pc.Close() }

func (s packetSocket) file(string) (*os.File, error) {
	return nil, errors.New("sharing a UDP socket with worker processes is not supported on Windows")
}

// packetConn lends the socket itself, which cannot be duplicated.
func (s packetSocket) packetConn() (*net.UDPConn, error) {
	return s.pc, s.pc.SetDeadline(time.Time{})
}
