//go:build unix

package runtime_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/runtime"
)

func TestCreateListenerOnEveryNetwork(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", say("hello"))
	for network, address := range map[string]string{
		"": "127.0.0.1:0", "tcp": "localhost:0", "tcp4": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": filepath.Join(t.TempDir(), "s"),
	} {
		ln, err := runtime.CreateListener(runtime.ListenerConfig{Network: network, Address: address, ReuseAddr: true})
		if err != nil {
			if network == "tcp6" && errors.Is(err, unix.EADDRNOTAVAIL) {
				continue // no IPv6 here
			}
			t.Fatalf("%s: %v", network, err)
		}
		s := app.Server().NewServer(runtime.ServerConfig{})
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ln) }()
		awaitRunning(t, s, ended)
		at := ln.Addr()
		c := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial(at.Network(), at.String()) }}}
		if _, body := answer(t, c, "http://server/"); body != "hello" {
			t.Errorf("%s: got %q", network, body)
		}
		c.CloseIdleConnections()
	}
}

func TestSeveralListenersReuseAPort(t *testing.T) {
	first, err := runtime.CreateListener(runtime.ListenerConfig{Address: "127.0.0.1:0", ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := runtime.CreateListener(runtime.ListenerConfig{Address: first.Addr().String(), ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	if ln, err := runtime.CreateListener(runtime.ListenerConfig{Address: first.Addr().String()}); err == nil {
		ln.Close()
		t.Error("a listener without ReusePort got the same port")
	}
}

func TestAcceptedConnectionsHaveTheBuffersOfTheirListener(t *testing.T) {
	ln, err := runtime.CreateListener(runtime.ListenerConfig{Address: "127.0.0.1:0", ReadBuffer: 32 << 10, WriteBuffer: 48 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		for option, want := range map[int]int{unix.SO_RCVBUF: 32 << 10, unix.SO_SNDBUF: 48 << 10} {
			got, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, option)
			if err != nil || got != want && got != 2*want { // Linux counts its own needs too
				t.Errorf("option %d: got %d, %v, want %d", option, got, err, want)
			}
		}
	})
}

func TestCreateListenerSaysWhatIsWrong(t *testing.T) {
	for want, c := range map[string]runtime.ListenerConfig{
		`network "udp" is unknown: use one of tcp, tcp4, tcp6, unix`: {Network: "udp", Address: ":0"},
		"the address is empty: name host:port":                       {Network: "tcp"},
		"the address is empty: name the path":                        {Network: "unix"},
		"buffers of -1 and 0 bytes":                                  {Address: ":0", ReadBuffer: -1},
		"ReusePort is for TCP":                                       {Network: "unix", Address: "/tmp/x", ReusePort: true},
		"missing port":                                               {Address: "127.0.0.1"},
	} {
		ln, err := runtime.CreateListener(c)
		if err == nil {
			ln.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", c, err, want)
		}
		if want == "ReusePort is for TCP" && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v is not ErrUnsupported", err)
		}
	}
}
