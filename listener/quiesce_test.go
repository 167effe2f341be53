package listener_test

import (
	"errors"
	"net"
	goruntime "runtime"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// Whoever was connected before is accepted, nobody is connected after.
func TestQuiesceBeginsNoNewHandshakes(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("only Linux can")
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			s, err := sockets.Open(t.Context(), address, sockets.Options{})
			if err != nil {
				t.Skip(err) // no IPv6 here
			}
			defer s.Close()
			before, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer before.Close()
			if err := s.Quiesce(); err != nil {
				t.Fatal(err)
			}
			c, err := net.DialTimeout("tcp", s.Addr().String(), 100*time.Millisecond)
			if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("connect after Quiesce: %v, %v; want silence", c, err)
			}
			ln, err := s.Listener(0)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			accepted, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer accepted.Close()
			if _, err := before.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if n, err := accepted.Read(make([]byte, 1)); n != 1 {
				t.Errorf("an accepted connection read %d, %v; want it to work", n, err)
			}
		})
	}
}
