//go:build unix && !linux

package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Without steering, sockets of one port share connections as the kernel sees
// fit, so there is one socket for all.
const slotsSupported = false

func listen(ctx context.Context, address string, _, _ bool) (socket, net.Addr, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return socket{}, nil, err
	}
	s, err := keepRaw(ln.(*net.TCPListener))
	return s, ln.Addr(), err
}

func steer(socket, []int) error { return nil }

func quiesce(socket) error { return nil }

func halfOpen(net.Addr) bool { return false }

func (s socket) queue() (waiting, limit int, err error) {
	return 0, 0, fmt.Errorf("accept queue: %w", errors.ErrUnsupported)
}
