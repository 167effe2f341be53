package listener_test

import (
	"net"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// ignoresGoAway accepts only when it is allowed to.
type deaf struct {
	*net.TCPListener
	allowed chan struct{}
}

func (d deaf) Accept() (net.Conn, error) {
	<-d.allowed
	return d.TCPListener.Accept()
}

func TestStuckTellsAnAcceptLoopThatLeavesItsQueue(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := listener.NewServer(listener.ServerConfig{Handler: hello})
	defer s.Close()
	d := deaf{ln.(*net.TCPListener), make(chan struct{})}
	defer close(d.allowed)
	go s.Serve(d)
	for range 100 {
		if s.Stuck() {
			t.Fatal("stuck although nobody has come")
		}
	}
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	await := func(want bool) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); s.Stuck() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("stuck is %v, want %v", !want, want)
			}
		}
	}
	await(true)
	d.allowed <- struct{}{}
	await(false)
}

// A loop that is held back by the accept rate does its work.
func TestAcceptRateIsNotStuck(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := listener.NewServer(listener.ServerConfig{Handler: hello, Limits: listener.Limits{AcceptRate: 1}})
	defer s.Close()
	go s.Serve(ln)
	for range 5 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if s.Stuck() {
			t.Fatal("stuck while it waits for its turn to accept")
		}
	}
}
