package roamer

import (
	"errors"
	"net"
	"sync"
	"time"
)

// NAT stands between one client and a server, and can change the port that the
// server sees.
type NAT struct {
	in        *net.UDPConn
	to        *net.UDPAddr
	forwarded chan struct{} // closed when nothing from the client is left

	mu     sync.Mutex
	out    *net.UDPConn
	client net.Addr
}

// NewNAT makes one on a free port of loopback, towards the server's address.
func NewNAT(server string) (*NAT, error) {
	to, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		return nil, err
	}
	in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	n := &NAT{in: in, to: to, forwarded: make(chan struct{})}
	if err := n.Move(); err != nil {
		in.Close()
		return nil, err
	}
	go n.forward()
	return n, nil
}

// Addr is what the client connects to.
func (n *NAT) Addr() net.Addr { return n.in.LocalAddr() }

// Move takes another port. What still comes in for the old one is lost.
func (n *NAT) Move() error {
	out, err := net.DialUDP("udp", nil, n.to)
	if err != nil {
		return err
	}
	n.mu.Lock()
	old := n.out
	n.out = out
	n.mu.Unlock()
	if old != nil {
		old.Close()
	}
	go n.back(out)
	return nil
}

// Close ends it, once the last words of the client are through.
func (n *NAT) Close() error {
	n.in.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	<-n.forwarded
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out.Close()
	return n.in.Close()
}

func (n *NAT) forward() {
	defer close(n.forwarded)
	buf := make([]byte, 2048)
	for {
		size, from, err := n.in.ReadFrom(buf)
		if err != nil {
			return
		}
		n.mu.Lock()
		n.client = from
		n.out.Write(buf[:size])
		n.mu.Unlock()
	}
}

func (n *NAT) back(out *net.UDPConn) {
	buf := make([]byte, 2048)
	for {
		size, err := out.Read(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // nobody listens there at the moment
		}
		n.mu.Lock()
		client := n.client
		n.mu.Unlock()
		if client != nil {
			n.in.WriteTo(buf[:size], client)
		}
	}
}
