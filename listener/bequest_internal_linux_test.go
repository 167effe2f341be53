package listener

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// probing are the options of the one connection of s: whether it is probed, and
// after how many seconds, how often and how many times.
func probing(t *testing.T, s *Server) (got [4]int) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); s.open.Load() != 1 || s.counters.Requests.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("no connection was accepted")
		}
	}
	s.conns.each(func(c *conn) {
		raw, err := c.tcp.SyscallConn()
		if err != nil {
			t.Error(err)
			return
		}
		raw.Control(func(fd uintptr) {
			got[0], _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
			for i, o := range []int{unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT} {
				got[i+1], _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, o)
			}
		})
	})
	return got
}

// serveOne has a connection accepted, as if what it inherits had been set long
// ago, or just now.
func serveOne(t *testing.T, s *Server, addr string, long bool) (got [4]int) {
	t.Helper()
	s.mu.Lock()
	for a := range s.acceptors {
		a.inherited.since = ticks()
		if long {
			a.inherited.since -= 2 * int64(queued)
		}
		a.setKeepAlive()
	}
	s.mu.Unlock()
	s.counters.Requests.Store(0)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	got = probing(t, s)
	c.Close()
	for until := time.Now().Add(10 * time.Second); s.open.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the connection is still open")
		}
	}
	return got
}

func TestConnectionsInheritHowTheyAreProbed(t *testing.T) {
	if !listenConfig.known {
		t.Fatal("net.TCPListener has changed: each connection is set up anew")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(ServerConfig{Limits: Limits{KeepAlive: true, KeepAlivePeriod: 77 * time.Second}})
	defer s.Close()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		n := len(s.acceptors)
		s.mu.Unlock()
		if n == 1 {
			break
		}
		if time.Now().After(until) {
			t.Fatal("nobody accepts")
		}
	}
	for _, c := range []struct {
		period time.Duration
		want   [4]int
	}{
		{77 * time.Second, [4]int{1, 77, 15, 9}},
		{1500 * time.Millisecond, [4]int{1, 2, 15, 9}},
		{-1, [4]int{0, 0, 0, 0}},
		{180 * time.Second, [4]int{1, 180, 15, 9}},
		{0, [4]int{1, 15, 15, 9}},
	} {
		s.SetLimits(Limits{KeepAlive: true, KeepAlivePeriod: c.period})
		for _, long := range []bool{true, false} {
			got := serveOne(t, s, ln.Addr().String(), long)
			if c.period < 0 {
				got[1], got[2], got[3] = 0, 0, 0 // mean nothing
			}
			if got != c.want {
				t.Errorf("period %v, set long ago %v: %v, want %v", c.period, long, got, c.want)
			}
		}
	}
}

// A listener that was told how to probe keeps to it.
func TestAListenerMadeOtherwiseIsLeftAlone(t *testing.T) {
	for _, config := range []net.ListenConfig{{KeepAlive: -1}, {KeepAlive: time.Minute}, {KeepAliveConfig: net.KeepAliveConfig{Enable: true}}} {
		ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		var b inheritedKeepAlive
		if b.begin(ln, time.Second); b.active() {
			t.Errorf("%+v was changed", config)
		}
	}
}
