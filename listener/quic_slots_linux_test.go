package listener_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/roamer"
	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// Each of a number of clients changes its port all the time while the servers of
// the slots come and go. No request may fail, and no connection may end but
// where its server is drained.
func TestQUICSlotsKeepConnectionsOfMovingClients(t *testing.T) {
	sockets := openPackets(t, sockets.Options{})
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
	drain := func(slots ...int) {
		for _, slot := range slots {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if n, err := servers[slot].Drain(ctx); err != nil {
				t.Errorf("drain of slot %d: %d, %v", slot, n, err)
			}
		}
	}
	_, config := loopbackTLS()
	var seen [6]atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	load := roamer.Start(ctx, roamer.Options{
		Address: sockets.Addr().String(), Path: "/", TLS: config, Clients: 12,
		Pause: 10 * time.Millisecond, Move: 300 * time.Millisecond,
		Seen: func(body string) { seen[body[0]-'0'].Add(1) },
	})
	more := func() { // each client moves at least once
		t.Helper()
		moves := load.Result().Moves
		eventually(t, "all have moved", func() bool { return load.Result().Moves > moves+12 })
	}
	more()
	servers[2], servers[3] = begin(2), begin(3)
	steer(0, 1, 2, 3)
	more()
	steer(0, 1)
	drain(2, 3)
	more()
	servers[4] = begin(4)
	steer(1, 4)
	drain(0)
	servers[5] = begin(5)
	steer(4, 5)
	drain(1)
	more()
	cancel()
	r := load.Wait()
	t.Log(r)
	if r.Failed() > 0 || r.Requests == 0 || r.Left == 0 {
		t.Errorf("with moving clients: %v; want requests, no failure, and some asked to leave", r)
	}
	if seen[4].Load() == 0 || seen[5].Load() == 0 {
		t.Error("the last two slots got no requests")
	}
}
