package sockets_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

func TestOpenReportsAPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	wantInUse(t, ln.Addr().String())
}

func TestOpenReportsAPortInUseByItsLike(t *testing.T) {
	first := open(t, sockets.Options{})
	wantInUse(t, first.Addr().String())
	if _, err := first.File(3); err != nil {
		t.Errorf("its owner cannot open slots any more: %v", err)
	}
	first.Close()
	second, err := sockets.Open(context.Background(), first.Addr().String(), sockets.Options{})
	if err != nil {
		t.Fatalf("the port of closed sockets: %v", err)
	}
	second.Close()
}

func wantInUse(t *testing.T, addr string) {
	t.Helper()
	s, err := sockets.Open(context.Background(), addr, sockets.Options{})
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("open %s: %v, want %v", addr, err, syscall.EADDRINUSE)
	}
}

func TestOpenRefusesWhatIsNoAddress(t *testing.T) {
	for _, addr := range []string{"", "nonsense", "127.0.0.1", "127.0.0.1:99999", "203.0.113.7:0"} {
		if s, err := sockets.Open(context.Background(), addr, sockets.Options{}); err == nil {
			if addr != "" { // net.Listen takes it for any port on any address
				t.Errorf("open %q succeeded", addr)
			}
			s.Close()
		}
	}
}

func TestEmptyHostListensOnBothFamilies(t *testing.T) {
	s, err := sockets.Open(context.Background(), ":0", sockets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Addr().String())
	hosts := []string{"127.0.0.1"}
	if ln, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		ln.Close()
		hosts = append(hosts, "::1")
	}
	for _, host := range hosts {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), 5*time.Second)
		if err != nil {
			t.Errorf("dial %s: %v", host, err)
			continue
		}
		c.Close()
	}
	wantInUse(t, ":"+port)
	wantInUse(t, "0.0.0.0:"+port)
}

func TestSharedSlotsAreOneSocket(t *testing.T) {
	s := open(t, sockets.Options{Shared: true})
	a, err := s.Listener(0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Listener(5)
	if err != nil {
		t.Fatal(err)
	}
	if s.Slots() != 1 || s.Steering() != "shared" {
		t.Errorf("%d slots, steering %q; want 1, shared", s.Slots(), s.Steering())
	}
	if err := s.Steer([]int{5}); err != nil {
		t.Errorf("steer: %v", err)
	}
	a.Close()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(5 * time.Second))
	accepted, err := b.Accept()
	if err != nil {
		t.Fatalf("accept from another slot: %v", err)
	}
	accepted.Close()
}

func TestClosedSocketsRefuse(t *testing.T) {
	s := open(t, sockets.Options{})
	f, err := s.File(1)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := s.Listener(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.File(0); !errors.Is(err, sockets.ErrClosed) {
		t.Errorf("File: %v, want %v", err, sockets.ErrClosed)
	}
	if err := s.Steer([]int{0}); !errors.Is(err, sockets.ErrClosed) {
		t.Errorf("Steer: %v, want %v", err, sockets.ErrClosed)
	}
	// A duplicate left open would still take connections and never serve them.
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v, want %v", err, net.ErrClosed)
	}
	if f.Close() == nil {
		t.Error("the file of a slot was left open")
	}
	if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
		c.Close()
		t.Error("a connection was taken after Close")
	}
}
