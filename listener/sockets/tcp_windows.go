package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

const slotsSupported = false

// socket is the one listener there is; it can be served in this process only.
type socket struct{ ln *net.TCPListener }

func listen(ctx context.Context, address string, _, _ bool) (socket, net.Addr, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return socket{}, nil, err
	}
	return socket{ln.(*net.TCPListener)}, ln.Addr(), nil
}

func steer(socket, []int) error { return nil }

func quiesce(socket) error { return nil }

func halfOpen(net.Addr) bool { return false }

func (s socket) close() error { return s.ln.Close() }

func (s socket) file(string) (*os.File, error) {
	return nil, errors.New("sharing a listener with worker processes is not supported on Windows")
}

// listener lends the socket itself, which cannot be duplicated.
func (s socket) listener() (*net.TCPListener, error) {
	return s.ln, s.ln.SetDeadline(time.Time{})
}

// release wakes who accepts; the socket stays open for the next.
func (s socket) release(ln *net.TCPListener) error { return ln.SetDeadline(time.Unix(1, 0)) }

func (s socket) queue() (waiting, limit int, err error) {
	return 0, 0, fmt.Errorf("accept queue: %w", errors.ErrUnsupported)
}

// QueueLen is [Sockets.Queue] for who holds a slot as a listener or file.
func QueueLen(syscall.Conn) (waiting, limit int, err error) {
	return 0, 0, fmt.Errorf("accept queue: %w", errors.ErrUnsupported)
}
