//go:build !linux

package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// Without steering, sockets of one port share connections as the system sees
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

func listenPackets(ctx context.Context, address string, _, _ bool) (packetSocket, net.Addr, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return packetSocket{}, nil, err
	}
	s, err := keepPackets(pc)
	return s, pc.LocalAddr(), err
}

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

func steer(socket, []int) error                    { return nil }
func steerWeighted(socket, []int, []float64) error { return nil }
func steerPackets(packetSocket, []int, int) error  { return nil }
func quiesce(socket) error                         { return nil }
func quiescePackets(packetSocket) error            { return nil }
func forceBuffers(int) error                       { return errors.ErrUnsupported }
func halfOpen(net.Addr) bool                       { return false }

func (s socket) queue() (waiting, limit int, err error) {
	return 0, 0, fmt.Errorf("accept queue: %w", errors.ErrUnsupported)
}

// counts need Linux.
type counts struct{}

type liveMemory struct{}

func newCounts() (*counts, error)                { return nil, errors.ErrUnsupported }
func adoptCounts(*FrozenCounts) (*counts, error) { return nil, errors.ErrUnsupported }

func (c *counts) live(int) *Counter              { return nil }
func (c *counts) set(int, int64)                 {}
func (c *counts) file() (*os.File, error)        { return nil, errors.ErrUnsupported }
func (c *counts) close()                         {}
func (c *counts) steer([]socket, []int) error    { return errors.ErrUnsupported }
func (c *counts) freeze() (*FrozenCounts, error) { return nil, errors.ErrUnsupported }

// OpenCounter is the counter of a slot; there are none on this system.
func OpenCounter(*os.File, int) (*Counter, error) { return nil, nil }

// watcher needs Linux.
type watcher struct{}

func (s *Sockets) watch(bool) {}
