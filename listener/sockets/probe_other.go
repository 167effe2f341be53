//go:build !linux

package sockets

import (
	"context"
	"net"
)

func probeAddress(ctx context.Context, address string, datagrams bool) error {
	var lc net.ListenConfig
	if datagrams {
		pc, err := lc.ListenPacket(ctx, "udp", address)
		if err != nil {
			return err
		}
		return pc.Close()
	}
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return ln.Close()
}
