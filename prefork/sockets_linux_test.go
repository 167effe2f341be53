package prefork_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// sockets are slots in a SO_REUSEPORT group, steered by a classic BPF program.
type sockets struct {
	addr string

	mu      sync.Mutex
	slots   []*net.TCPListener
	steered [][]int // every choice so far
	fail    error   // of the next Steer
}

func openSockets() (*sockets, error) {
	s := &sockets{addr: "127.0.0.1:0"}
	if err := s.open(0); err != nil {
		return nil, err
	}
	s.addr = s.slots[0].Addr().String()
	return s, s.attach([]int{0})
}

func (s *sockets) open(slot int) error {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		failed := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		return errors.Join(failed, err)
	}}
	lc.SetMultipathTCP(false) // takes no filter
	for len(s.slots) <= slot {
		ln, err := lc.Listen(context.Background(), "tcp", s.addr)
		if err != nil {
			return err
		}
		s.slots = append(s.slots, ln.(*net.TCPListener))
	}
	return nil
}

func (s *sockets) File(slot int) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(slot); err != nil {
		return nil, err
	}
	return s.slots[slot].File()
}

func (s *sockets) Listener(slot int) (net.Listener, error) {
	f, err := s.File(slot)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}

func (s *sockets) Steer(active []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fail; err != nil {
		s.fail = nil
		return err
	}
	s.steered = append(s.steered, active)
	return s.attach(active)
}

func (s *sockets) Steering() string { return "random" }

// attach makes the kernel choose one of active at random.
func (s *sockets) attach(active []int) error {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0xfffff000 + 56}, // a random number
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(len(active))},
	}
	for i, slot := range active {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(i), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: uint32(slot)})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: uint32(active[0])})
	raw, err := s.slots[0].SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
	return errors.Join(failed, err)
}

// close ends every slot.
func (s *sockets) close() {
	for _, ln := range s.slots {
		ln.Close()
	}
}
