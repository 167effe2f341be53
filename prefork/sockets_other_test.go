//go:build unix && !linux

package prefork_test

import (
	"net"
	"os"
	"sync"
)

// sockets are one socket for all.
type sockets struct {
	addr    string
	ln      *net.TCPListener
	mu      sync.Mutex
	steered [][]int
	fail    error
}

func openSockets() (*sockets, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &sockets{addr: ln.Addr().String(), ln: ln.(*net.TCPListener)}, nil
}

func (s *sockets) File(int) (*os.File, error) { return s.ln.File() }

func (s *sockets) Listener(int) (net.Listener, error) {
	f, err := s.ln.File()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}

func (s *sockets) Steer(active []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.fail
	s.fail = nil
	s.steered = append(s.steered, active)
	return err
}

func (s *sockets) Steering() string { return "shared" }

func (s *sockets) close() { s.ln.Close() }
