package sockets

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// socket is the one listener there is; it can be served in this process only.
type socket struct{ ln *net.TCPListener }

func keepRaw(ln *net.TCPListener) (socket, error) { return socket{ln}, nil }

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

// QueueLen is [Sockets.Queue] for who holds a slot as a listener or file.
func QueueLen(syscall.Conn) (waiting, limit int, err error) {
	return 0, 0, fmt.Errorf("accept queue: %w", errors.ErrUnsupported)
}

// packetSocket is the one socket there is; it can be served in this process only.
type packetSocket struct{ pc *net.UDPConn }

func keepPackets(pc net.PacketConn) (packetSocket, error) {
	return packetSocket{pc.(*net.UDPConn)}, nil
}

func (s packetSocket) close() error { return s.pc.Close() }

func (s packetSocket) file(string) (*os.File, error) {
	return nil, errors.New("sharing a UDP socket with worker processes is not supported on Windows")
}

// packetConn lends the socket itself, which cannot be duplicated.
func (s packetSocket) packetConn() (*net.UDPConn, error) {
	return s.pc, s.pc.SetDeadline(time.Time{})
}

// Sockets cannot go on in another program.

func (f *Frozen) add(socket) error { return errors.ErrUnsupported }

func (f *Frozen) addPackets(packetSocket) error { return errors.ErrUnsupported }

func adopt(int) (socket, net.Addr, error) { return socket{}, nil, errors.ErrUnsupported }

func adoptFile(*os.File) (socket, net.Addr, error) { return socket{}, nil, errors.ErrUnsupported }

func adoptPackets(int) (packetSocket, net.Addr, error) {
	return packetSocket{}, nil, errors.ErrUnsupported
}

func closeNumber(int) {}
