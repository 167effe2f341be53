package runtime_test

import (
	"bufio"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/runtime"
)

// spy hands out what the server accepts.
type spy struct {
	net.Listener
	accepted chan *net.TCPConn
}

func (s spy) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err == nil {
		s.accepted <- c.(*net.TCPConn)
	}
	return c, err
}

func TestKeepAlivePeriodIsThatOfTheSocket(t *testing.T) {
	for _, c := range []struct {
		config runtime.ServerConfig
		want   int // seconds
	}{
		{runtime.ServerConfig{EnableKeepAlive: true, KeepAlivePeriod: 77 * time.Second}, 77},
		{runtime.ServerConfig{}, 180},
	} {
		ln := spy{listen(t), make(chan *net.TCPConn, 1)}
		app := program(t, runtime.ServerConfig{})
		s := app.Server().NewServer(c.config)
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ln) }()
		awaitRunning(t, s, ended)
		client, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		ask(client, bufio.NewReader(client), plain)
		raw, err := (<-ln.accepted).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var got int
		raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE) })
		if got != c.want || err != nil {
			t.Errorf("%+v: probes after %d s, %v; want %d s", c.config, got, err, c.want)
		}
	}
}
