package listener_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// Each of a number of clients changes its port all the time while the servers of
// the slots come and go. No request may fail, and no connection may end but
// where its server is drained.
func TestQUICSlotsKeepConnectionsOfMovingClients(t *testing.T) {
	sockets := openPackets(t, listener.SocketOptions{})
	keys := listener.NewQUICKeys()
	limits := listener.Limits{KeepAlive: true, DrainIdle: 300 * time.Millisecond}
	begin := func(slot int) *listener.Server {
		return serveQUIC(t, sockets, slot, keys, limits, func(x listener.Exchange) { fmt.Fprint(x, slot) })
	}
	servers := map[int]*listener.Server{0: begin(0), 1: begin(1)}
	steer := func(active ...int) {
		if err := sockets.Steer(active); err != nil {
			t.Fatal(err)
		}
	}
	steer(0, 1)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var requests, changes, dials atomic.Int64
	var seen [6]atomic.Int64
	for i := range 12 {
		wg.Go(func() {
			n := newNAT(t, sockets.Addr())
			c := newH3Client(t, n.LocalAddr())
			next := time.Now().Add(time.Duration(i) * 25 * time.Millisecond)
			for {
				select {
				case <-stop:
					changes.Add(int64(n.changes))
					dials.Add(int64(c.dialled()))
					return
				case <-time.After(10 * time.Millisecond):
				}
				if time.Now().After(next) {
					next = next.Add(300 * time.Millisecond)
					if err := n.rebind(); err != nil {
						t.Error(err)
					}
				}
				status, body, err := c.do("GET", "/", nil)
				if err != nil || status != 200 {
					t.Errorf("client %d after %d changes of port: %d, %v", i, n.changes, status, err)
					return
				}
				requests.Add(1)
				seen[body[0]-'0'].Add(1)
			}
		})
	}
	drain := func(slots ...int) {
		for _, slot := range slots {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if n, err := servers[slot].Drain(ctx); err != nil {
				t.Errorf("drain of slot %d: %d, %v", slot, n, err)
			}
		}
	}
	phase := func() { time.Sleep(700 * time.Millisecond) } // of the load, not of a condition
	phase()
	servers[2], servers[3] = begin(2), begin(3)
	steer(0, 1, 2, 3)
	phase()
	steer(0, 1)
	drain(2, 3)
	phase()
	servers[4] = begin(4)
	steer(1, 4)
	drain(0)
	servers[5] = begin(5)
	steer(4, 5)
	drain(1)
	phase()
	close(stop)
	wg.Wait()
	t.Logf("%d requests, %d changes of port, %d connections", requests.Load(), changes.Load(), dials.Load())
	if changes.Load() < 50 || seen[4].Load() == 0 || seen[5].Load() == 0 {
		t.Errorf("too little happened to prove anything: %d changes", changes.Load())
	}
	// Each client has one connection, one more for each time its server went.
	if dials.Load() > 12*4 {
		t.Errorf("%d connections: some were lost", dials.Load())
	}
}
