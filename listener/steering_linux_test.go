package listener_test

import (
	"math"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// tenants are servers in this process, one for each slot.
type tenants struct {
	t       *testing.T
	sockets *sockets.Sockets
	servers []*listener.Server
	clients map[string]net.Conn // by their local address
}

// serveSlots opens n slots, steered to by the way given, with a server each. It
// skips the test where that way is not available.
func serveSlots(t *testing.T, n int, steering string) *tenants {
	t.Helper()
	s := open(t, sockets.Options{Steering: steering})
	r := &tenants{t: t, sockets: s, clients: map[string]net.Conn{}}
	s.Measure(r.measure)
	f, err := s.File(n - 1)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	var all []int
	for slot := range n {
		ln, err := s.Listener(slot)
		if err != nil {
			t.Fatal(err)
		}
		server := listener.NewServer(listener.ServerConfig{Name: "web"})
		go server.Serve(ln)
		t.Cleanup(func() { server.Close() })
		r.servers, all = append(r.servers, server), append(all, slot)
	}
	if err := s.Steer(all); err != nil {
		t.Fatal(err)
	}
	if s.Steering() != steering {
		t.Skipf("%s steering: %s", steering, s.SteeringReason())
	}
	t.Cleanup(func() {
		for _, c := range r.clients {
			c.Close()
		}
	})
	return r
}

func (r *tenants) measure(add func(int, sockets.Owner)) {
	for slot, s := range r.servers {
		add(slot, sockets.Owner{Open: open64(s), Accepted: s.Counters().Accepted.Load()})
	}
}

func open64(s *listener.Server) uint64 { return s.Counters().Active.Load() + s.Counters().Idle.Load() }

// dial opens n connections that stay, two thousand a second at most, and returns
// when all are accepted.
func (r *tenants) dial(n int) {
	r.t.Helper()
	pace := time.NewTicker(500 * time.Microsecond)
	defer pace.Stop()
	for range n {
		<-pace.C
		c, err := net.DialTimeout("tcp", r.sockets.Addr().String(), 10*time.Second)
		if err != nil {
			r.t.Fatal(err)
		}
		r.clients[c.LocalAddr().String()] = c
	}
	r.settle()
}

// settleTransfer waits until the servers have as many connections as there are clients.
func (r *tenants) settle() {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		var sum uint64
		for _, s := range r.servers {
			sum += open64(s)
		}
		if sum == uint64(len(r.clients)) {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the servers have %d connections, want %d", sum, len(r.clients))
		}
		time.Sleep(time.Millisecond)
	}
}

// hangUp closes this part of the connections of a slot, from the client's side.
func (r *tenants) hangUp(slot int, part float64) (closed int) {
	all := r.servers[slot].Connections(nil)
	for _, c := range all[:int(part*float64(len(all)))] {
		r.clients[c.Peer].Close()
		delete(r.clients, c.Peer)
		closed++
	}
	r.settle()
	return closed
}

// spread is the coefficient of variation of the numbers of connections.
func (r *tenants) spread() float64 {
	var sum, squares float64
	for _, s := range r.servers {
		sum += float64(open64(s))
	}
	mean := sum / float64(len(r.servers))
	for _, s := range r.servers {
		squares += (float64(open64(s)) - mean) * (float64(open64(s)) - mean)
	}
	return math.Sqrt(squares/float64(len(r.servers))) / mean
}

func (r *tenants) String() string {
	var b strings.Builder
	for _, s := range r.servers {
		b.WriteString(" ")
		b.WriteString(strconv.FormatUint(open64(s), 10))
	}
	return b.String()
}

// The bound after churn: all connections of one slot and half of those of
// another end, and as many begin.
func TestConnectionsAreBalanced(t *testing.T) {
	for steering, most := range map[string]float64{sockets.SteerLeast: 0.02, sockets.SteerWeighted: 0.08} {
		t.Run(steering, func(t *testing.T) {
			r := serveSlots(t, 4, steering)
			r.dial(1000)
			t.Logf("at first%s, variation %.3f", r, r.spread())
			if v := r.spread(); v > most {
				t.Errorf("variation %.3f of%s, want at most %.2f", v, r, most)
			}
			closed := r.hangUp(0, 1) + r.hangUp(1, 0.5)
			t.Logf("without %d%s", closed, r)
			r.dial(closed)
			t.Logf("at last%s, variation %.3f", r, r.spread())
			if v := r.spread(); v > most {
				t.Errorf("variation %.3f of%s after churn, want at most %.2f", v, r, most)
			}
		})
	}
}
