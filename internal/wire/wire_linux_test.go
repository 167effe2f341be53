package wire_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/internal/wire"
)

// pair are the two ends of a connection.
func pair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.SetDeadline(time.Now().Add(10 * time.Second))
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

func read(t *testing.T, c *wire.Conn, want string) {
	t.Helper()
	p := make([]byte, 64)
	if n, err := c.Read(p); string(p[:n]) != want || err != nil {
		t.Fatalf("read %q, %v; want %q", p[:n], err, want)
	}
}

// arrived waits until the system has seen the end of what the other side sends.
func arrived(t *testing.T, tcp *net.TCPConn) {
	t.Helper()
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, err := unix.Poll(look, 10_000); n != 1 || err != nil {
			t.Errorf("poll: %d, %v", n, err)
		}
	})
}

func TestAwaitReturnsForBytesAndForAnEnd(t *testing.T) {
	for _, exact := range []bool{false, true} {
		returnsForBytesAndForAnEnd(t, exact)
	}
}

func returnsForBytesAndForAnEnd(t *testing.T, exact bool) {
	near, far := pair(t)
	c := wire.New(near)
	if exact {
		c.Exact()
	}
	c.Await() // for nothing
	for _, word := range []string{"one", "two", "three"} {
		time.AfterFunc(10*time.Millisecond, func() { io.WriteString(far, word) })
		c.Await()
		read(t, c, word)
	}
	time.AfterFunc(10*time.Millisecond, func() { far.CloseWrite() })
	c.Await()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v; want the end", n, err)
	}
}

func TestAwaitKnowsOfAnEndThatCameWithTheBytes(t *testing.T) {
	near, far := pair(t)
	c := wire.New(near)
	c.Exact()
	io.WriteString(far, "first")
	read(t, c, "first")
	io.WriteString(far, "last")
	far.CloseWrite()
	arrived(t, near)
	read(t, c, "last")
	c.Await()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v; want the end", n, err)
	}
}

func TestAwaitKnowsOfBytesLeft(t *testing.T) {
	near, far := pair(t)
	c := wire.New(near)
	c.Await()
	io.WriteString(far, "abcdef")
	for _, want := range []string{"ab", "cd", "ef"} {
		c.Await()
		p := make([]byte, 2)
		if _, err := io.ReadFull(reader{c}, p); string(p) != want || err != nil {
			t.Fatalf("read %q, %v; want %q", p, err, want)
		}
	}
}

type reader struct{ *wire.Conn }

func TestADeadlineEndsAwait(t *testing.T) {
	near, far := pair(t)
	c := wire.New(near)
	c.Await()
	io.WriteString(far, "x")
	read(t, c, "x")
	near.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	c.Await()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want a timeout", err)
	}
	near.SetReadDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(far, "y")
	c.Await()
	read(t, c, "y")
	time.AfterFunc(10*time.Millisecond, func() { near.Close() })
	c.Await()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want that it is closed", err)
	}
}
