package sockets_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// queues gives how many connections wait in each slot.
func queues(t *testing.T, s *sockets.Sockets) []int {
	t.Helper()
	var n []int
	for slot := range s.Slots() {
		waiting, limit, err := s.Queue(slot)
		if err != nil {
			t.Fatal(err)
		}
		if limit <= 0 {
			t.Fatalf("slot %d can hold %d connections", slot, limit)
		}
		n = append(n, waiting)
	}
	return n
}

// dialQueued connects n times; nobody accepts.
func dialQueued(t *testing.T, s *sockets.Sockets, n int) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
}

func TestOnlySlotsSteeredToGetConnections(t *testing.T) {
	for _, steering := range []string{sockets.SteerLeast, sockets.SteerWeighted, sockets.SteerRandom} {
		t.Run(steering, func(t *testing.T) { onlySlotsSteeredTo(t, steering) })
	}
}

func onlySlotsSteeredTo(t *testing.T, steering string) {
	s := open(t, sockets.Options{Steering: steering})
	s.Measure(func(func(int, sockets.Owner)) {})
	f, err := s.File(3)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := s.Steer([]int{0}); err != nil || s.Slots() != 4 {
		t.Fatalf("%d slots, %v; want 4", s.Slots(), err)
	}
	if s.Steering() != steering {
		t.Skipf("steering is %s: %s", s.Steering(), s.SteeringReason())
	}
	got := make([]int, 4)
	for _, active := range [][]int{nil, {2}, {0, 1, 2, 3}, {1, 3}, {3, 0, 2}, {1}} {
		if active == nil {
			active = []int{0} // as it is already
		} else if err := s.Steer(active); err != nil {
			t.Fatal(err)
		}
		dialQueued(t, s, 200)
		now := queues(t, s)
		for slot := range now {
			n := now[slot] - got[slot]
			switch share := 200 / len(active); {
			case !slices.Contains(active, slot) && n != 0:
				t.Errorf("steered to %v: slot %d got %d connections, want none", active, slot, n)
			case steering == sockets.SteerRandom && slices.Contains(active, slot) && n < share/3:
				t.Errorf("steered to %v: slot %d got %d connections, want about %d", active, slot, n, share)
			}
		}
		got = now
	}
}

func TestSteerRefusesSlotsThatAreNotThere(t *testing.T) {
	s := open(t, sockets.Options{})
	for _, active := range [][]int{nil, {1}, {-1}, {0, 7}, make([]int, sockets.MaxActive+1)} {
		if err := s.Steer(active); err == nil {
			t.Errorf("steered to %v with one slot open", active)
		}
	}
	dialQueued(t, s, 1)
	if q := queues(t, s); q[0] != 1 {
		t.Errorf("queues %v, want one connection in slot 0", q)
	}
}

func TestSteerToManySlots(t *testing.T) {
	s := open(t, sockets.Options{})
	f, err := s.File(sockets.MaxActive - 1)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	var odd []int
	for i := 1; i < sockets.MaxActive; i += 2 {
		odd = append(odd, i)
	}
	if err := s.Steer(odd); err != nil {
		t.Fatal(err)
	}
	dialQueued(t, s, 400)
	hit := 0
	for slot, n := range queues(t, s) {
		if n > 0 && slot%2 == 0 {
			t.Errorf("slot %d got %d connections, want none", slot, n)
		}
		if n > 0 {
			hit++
		}
	}
	if hit < 90 {
		t.Errorf("400 connections went to %d of 128 slots", hit)
	}
	all := make([]int, sockets.MaxActive)
	for i := range all {
		all[i] = i
	}
	if err := s.Steer(all); err != nil {
		t.Errorf("steer to %d slots: %v", len(all), err)
	}
}

func TestQueueOfASlotHeldByAnother(t *testing.T) {
	s := open(t, sockets.Options{})
	f, err := s.File(0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dialQueued(t, s, 3)
	if n, limit, err := sockets.QueueLen(f); n != 3 || limit <= 0 || err != nil {
		t.Errorf("queue of %d in %d, %v; want 3", n, limit, err)
	}
	ln, err := net.FileListener(f) // as a worker does
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, _, err := sockets.QueueLen(ln.(*net.TCPListener)); n != 2 || err != nil {
		t.Errorf("queue of %d, %v; want 2", n, err)
	}
}

// A slot whose owner has gone keeps its connections for the next one.
func TestASlotOutlivesItsTenants(t *testing.T) {
	s := open(t, sockets.Options{})
	first, err := s.Listener(0)
	if err != nil {
		t.Fatal(err)
	}
	dialQueued(t, s, 2)
	first.Close()
	second, err := s.Listener(0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		second.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(5 * time.Second))
		c, err := second.Accept()
		if err != nil {
			t.Fatalf("the next owner: %v", err)
		}
		c.Close()
	}
}

const asNobody = "LISTENER_TEST_AS_NOBODY"

func TestSteeringNeedsNoPrivilege(t *testing.T) {
	t.Parallel()
	if os.Getenv(asNobody) == "" && os.Getuid() == 0 {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/fd/3", "-test.run=^TestSteeringNeedsNoPrivilege$")
		binary, err := os.Open(exe)
		if err != nil {
			t.Fatal(err)
		}
		defer binary.Close()
		cmd.ExtraFiles = []*os.File{binary}
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), asNobody+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("as nobody: %v\n%s", err, out)
		}
		return
	}
	s, err := sockets.Open(context.Background(), "127.0.0.1:0", sockets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if f, err := s.File(1); err != nil {
		t.Fatal(err)
	} else {
		f.Close()
	}
	if err := s.Steer([]int{1}); err != nil || s.Steering() != "random" || !strings.Contains(s.SteeringReason(), "CAP_BPF") {
		t.Fatalf("steering %q because %q, %v; want random for want of CAP_BPF", s.Steering(), s.SteeringReason(), err)
	}
	dialQueued(t, s, 20)
	if q := queues(t, s); q[0] != 0 || q[1] != 20 {
		t.Errorf("queues %v, want all 20 in slot 1", q)
	}
}
