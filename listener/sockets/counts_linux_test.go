package sockets_test

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// counting are sockets whose connections the kernel counts.
func counting(t *testing.T) *sockets.Sockets {
	t.Helper()
	s := open(t, sockets.Options{Steering: sockets.SteerLeast})
	f, err := s.File(1)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := s.Steer([]int{0}); err != nil {
		t.Fatal(err)
	}
	if s.Steering() != sockets.SteerLeast {
		t.Skip(s.SteeringReason())
	}
	return s
}

// Sockets may come from a program that was not allowed to count.
func TestAdoptedSocketsAreSteeredWithoutCounts(t *testing.T) {
	s := open(t, sockets.Options{})
	f, err := s.File(1)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	frozen, err := s.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	frozen.Counts = nil
	again, err := sockets.Adopt(frozen)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Steer([]int{1}); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", again.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, _, err := again.Queue(1); n != 1 || err != nil {
		t.Errorf("%d connections in the slot steered to by %s (%s), %v; want 1", n, again.Steering(), again.SteeringReason(), err)
	}
}

const withCapBPF = "SOCKETS_TEST_WITH_CAP_BPF"

// What the program asks of the verifier must not need more than this: no
// CAP_NET_ADMIN, no CAP_PERFMON.
func TestCapBPFAloneSuffices(t *testing.T) {
	if os.Getenv(withCapBPF) != "" {
		s := open(t, sockets.Options{})
		f, err := s.File(sockets.MaxActive - 1)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		all := make([]int, sockets.MaxActive)
		for slot := range all {
			all[slot] = slot
		}
		if err := s.Steer(all); err != nil || s.Steering() != sockets.SteerLeast {
			t.Fatalf("steering %s: %s, %v", s.Steering(), s.SteeringReason(), err)
		}
		dialQueued(t, s, 2*len(all))
		for slot, n := range queues(t, s) {
			if n != 2 {
				t.Errorf("slot %d got %d connections, want 2", slot, n)
			}
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root can start a process with one capability")
	}
	counting(t) // skips where even root may not
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	cmd := exec.Command("/proc/self/fd/3", "-test.run=^TestCapBPFAloneSuffices$")
	cmd.ExtraFiles, cmd.Dir = []*os.File{binary}, "/"
	cmd.Env = append(os.Environ(), withCapBPF+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		AmbientCaps: []uintptr{unix.CAP_BPF},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("with CAP_BPF alone: %v\n%s", err, out)
	}
}

// Whatever the kernel counts and nobody takes off, such as handshakes that never
// end, is found by comparing.
func TestWrongCountsAreCorrected(t *testing.T) {
	s := counting(t)
	s.Measure(func(add func(int, sockets.Owner)) {
		add(0, sockets.Owner{})
		add(1, sockets.Owner{})
	})
	ln, err := s.Listener(0)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialQueued(t, s, 10)
	for range 10 { // and nobody takes them off
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if err := s.Steer([]int{0, 1}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.Correct()
	}
	dialQueued(t, s, 10)
	if q := queues(t, s); q[0] != 5 || q[1] != 5 {
		t.Errorf("queues %v, want 5 each", q)
	}
}
