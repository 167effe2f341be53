package listener_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// TestOrphanedSocketsLoseNobody: some sockets of an address are closed, which
// moves others to their numbers; those left are adopted in another order.
func TestOrphanedSocketsLoseNobody(t *testing.T) {
	for _, steering := range []string{sockets.SteerAuto, sockets.SteerWeighted, sockets.SteerRandom} {
		t.Run(steering, func(t *testing.T) {
			old, err := sockets.Open(context.Background(), "127.0.0.1:0", sockets.Options{Steering: steering})
			if err != nil {
				t.Fatal(err)
			}
			var left []*os.File
			for slot := range 5 {
				f, err := old.File(slot)
				if err != nil {
					t.Fatal(err)
				}
				if slot == 1 || slot == 2 {
					f.Close() // the dead master's alone
					continue
				}
				ln, err := net.FileListener(f) // as a worker has it: not to be closed with the others
				f.Close()
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				worker, err := ln.(*net.TCPListener).File()
				if err != nil {
					t.Fatal(err)
				}
				defer worker.Close()
				left = append(left, worker)
			}
			if err := old.Steer([]int{0, 3, 4}); err != nil {
				t.Fatal(err)
			}
			old.Close()
			slices.Reverse(left)
			s, err := sockets.AdoptOrphaned(left, steering)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Addr().String() != old.Addr().String() || s.Slots() != 3 {
				t.Fatalf("%d slots on %s, want 3 on %s", s.Slots(), s.Addr(), old.Addr())
			}
			wantServed(t, s, []int{0, 1, 2}, []int{0, 1, 2})
			wantServed(t, s, []int{1}, []int{0, 1, 2}) // the others may get some, too
			for range 3 {
				wantServed(t, s, []int{3, 4}, []int{3, 4})
			}
			if why := s.SteeringReason(); steering != sockets.SteerAuto && why != "" {
				t.Errorf("steering is %s: %s", s.Steering(), why)
			}
		})
	}
}

// wantServed steers to slots and connects often; each connection must arrive in
// one of those that may get it.
func wantServed(t *testing.T, s *sockets.Sockets, active, may []int) {
	t.Helper()
	for _, slot := range active { // opens it
		f, err := s.File(slot)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if err := s.Steer(active); err != nil {
		t.Fatal(err)
	}
	arrived := make(chan int)
	for slot := range s.Slots() {
		ln, err := s.Listener(slot)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				c.Close()
				arrived <- slot
			}
		}()
		defer func() { ln.Close(); <-done }()
	}
	for range 60 {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		select {
		case slot := <-arrived:
			if !slices.Contains(may, slot) {
				t.Errorf("steered to %v, arrived in slot %d", active, slot)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("steered to %v, and nobody got the connection", active)
		}
		c.Close()
	}
}

func TestSocketsOfDifferentAddressesAreNotAdoptedTogether(t *testing.T) {
	var files []*os.File
	for range 2 {
		s, err := sockets.Open(context.Background(), "127.0.0.1:0", sockets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f, err := s.File(0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	if _, err := sockets.AdoptOrphaned(files, ""); err == nil || !strings.Contains(err.Error(), "others on") {
		t.Errorf("error %v, want that they differ", err)
	}
}

// TestFrozenSocketsGoOn: queue, numbers and steering are as they were.
func TestFrozenSocketsGoOn(t *testing.T) {
	s, err := sockets.Open(context.Background(), "127.0.0.1:0", sockets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for slot := range 3 {
		f, err := s.File(slot)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if err := s.Steer([]int{2}); err != nil {
		t.Fatal(err)
	}
	waiting, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	f, err := s.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	wire, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	s.Close() // as the end of the program would
	var arrived sockets.Frozen
	if err := json.Unmarshal(wire, &arrived); err != nil {
		t.Fatal(err)
	}
	again, err := sockets.Adopt(&arrived)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Steering() != s.Steering() {
		t.Errorf("steering is %s, was %s", again.Steering(), s.Steering())
	}
	ln, err := again.Listener(2)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(c.RemoteAddr()) != fmt.Sprint(waiting.LocalAddr()) {
		t.Errorf("accepted %s, want %s, which was waiting", c.RemoteAddr(), waiting.LocalAddr())
	}
	c.Close()
	ln.Close()
	wantServed(t, again, []int{1, 2}, []int{1, 2})
	wantServed(t, again, []int{0, 3}, []int{0, 3})
}
