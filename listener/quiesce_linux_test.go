package listener_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// A handshake whose packets get lost is waited for: to its client it may look
// complete already.
func TestQuiesceWaitsForHandshakesUnderWay(t *testing.T) {
	s, err := sockets.Open(t.Context(), "127.0.0.1:0", sockets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// This client does not hear the answer to its SYN before the filter is gone.
	deaf, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(deaf)
	nothing := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	if err := unix.SetsockoptSockFprog(deaf, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing[0]}); err != nil {
		t.Fatal(err)
	}
	to := &unix.SockaddrInet4{Port: s.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Connect(deaf, to); err != syscall.EINPROGRESS {
		t.Fatalf("connect: %v, want it to be under way", err)
	}
	quiet := make(chan error, 1)
	go func() { quiet <- s.Quiesce() }()
	select {
	case err := <-quiet:
		t.Fatalf("Quiesce returned (%v) with a handshake under way", err)
	case <-time.After(200 * time.Millisecond): // that long it would not need
	}
	if err := unix.SetsockoptInt(deaf, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0); err != nil {
		t.Fatal(err)
	}
	if err := <-quiet; err != nil {
		t.Fatal(err)
	}
	if waiting, _, err := s.Queue(0); err != nil || waiting != 1 {
		t.Errorf("%d connections wait to be accepted, %v; want the one", waiting, err)
	}
}
