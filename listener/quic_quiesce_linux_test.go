package listener_test

import (
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

func TestQuiescedQUICKeepsItsConnectionsAlone(t *testing.T) {
	_, sockets := startQUIC(t, keepAlive, hello)
	c := newH3Client(t, sockets.Addr())
	c.must("GET", "/", nil)
	if err := sockets.Quiesce(); err != nil {
		t.Fatal(err)
	}
	if _, err := dialQUIC(t, sockets.Addr(), 300*time.Millisecond, nil); err == nil {
		t.Error("a new connection was made")
	}
	if _, body := c.must("GET", "/", nil); body != "hello" || c.dialled() != 1 {
		t.Errorf("%q on connection %d, want hello on the first", body, c.dialled())
	}
}

// A client may begin with an ID of any length from eight bytes on, and its first
// packets, of which there are two with a large ClientHello, must meet.
func TestQUICHandshakesMeetInOneSlot(t *testing.T) {
	sockets := openPackets(t, sockets.Options{})
	keys := listener.NewQUICKeys()
	var servers []*listener.Server
	var active []int
	for slot := range 5 {
		servers = append(servers, serveQUIC(t, sockets, slot, keys, keepAlive, hello))
		active = append(active, slot)
	}
	if err := sockets.Steer(active); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		if _, err := dialQUIC(t, sockets.Addr(), 5*time.Second, nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "60 connections are accepted", func() (all bool) {
		var total uint64
		for _, s := range servers {
			total += s.Counters().Accepted.Load()
		}
		return total == 60
	})
	for slot, s := range servers {
		if s.Counters().Accepted.Load() == 0 {
			t.Errorf("slot %d got none of them", slot)
		}
	}
}
