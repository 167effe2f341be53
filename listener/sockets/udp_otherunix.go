//go:build unix && !linux

package sockets

import (
	"context"
	"errors"
	"net"
)

func listenPackets(ctx context.Context, address string, _, _ bool) (packetSocket, net.Addr, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return packetSocket{}, nil, err
	}
	s, err := keepPackets(pc)
	return s, pc.LocalAddr(), err
}

func forceBuffers(int) error { return errors.ErrUnsupported }

func steerPackets(packetSocket, []int, int) error { return nil }

func quiescePackets(packetSocket) error { return nil }
