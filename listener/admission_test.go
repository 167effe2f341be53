package listener_test

import (
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// siblings are servers that share an admission, as those of several processes do.
func siblings(t *testing.T, n int, limits listener.Limits) (all []*endpoint, shared *listener.Admission) {
	t.Helper()
	shared = new(listener.Admission)
	for range n {
		place, ok := shared.Occupy(nil)
		if !ok {
			t.Fatal("no place is free")
		}
		s := listener.NewServer(listener.ServerConfig{
			Handler: hello, Limits: limits, Place: place, ErrorLog: slog.New(slog.DiscardHandler),
		})
		ln := listen(t)
		go s.Serve(ln)
		t.Cleanup(func() { s.Close() })
		all = append(all, &endpoint{Server: s, t: t, addr: ln.Addr().String()})
	}
	return all, shared
}

func sum(all []*endpoint, of func(listener.Totals) uint64) (n uint64) {
	for _, e := range all {
		n += of(e.Counters().Load())
	}
	return n
}

func openNow(t listener.Totals) uint64 { return t.Active + t.Idle }

func TestABoundOfConnectionsHoldsForAllServersTogether(t *testing.T) {
	t.Parallel()
	const bound = 30
	all, _ := siblings(t, 4, listener.Limits{KeepAlive: true, MaxConnections: bound})
	for range 25 { // most come to one of them
		all[0].dial().get("/")
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c, err := net.Dial("tcp", all[1+i%3].addr)
			if err == nil {
				t.Cleanup(func() { c.Close() })
			}
		})
	}
	wg.Wait()
	eventually(t, "the others are refused", func() bool {
		return sum(all, openNow) == bound && sum(all, func(t listener.Totals) uint64 { return t.Refused }) == 15
	})
}

func TestWhatADeadServerCountedIsTakenOff(t *testing.T) {
	t.Parallel()
	shared := new(listener.Admission)
	dead, _ := shared.Occupy(nil)
	s := listener.NewServer(listener.ServerConfig{Limits: listener.Limits{MaxConnections: 2}, Place: dead})
	defer s.Close()
	for range 2 {
		_, theirs := net.Pipe()
		s.ServeConn(theirs)
	}
	if s.ServeConn(closedPipe()); s.Counters().Refused.Load() != 1 {
		t.Fatal("one too many was not refused")
	}
	shared.Retain(nil)
	place, _ := shared.Occupy(nil)
	other := listener.NewServer(listener.ServerConfig{Limits: listener.Limits{MaxConnections: 2}, Place: place})
	defer other.Close()
	_, theirs := net.Pipe()
	if other.ServeConn(theirs); other.Counters().Refused.Load() != 0 {
		t.Error("the connections of a server that is gone still count")
	}
}

func closedPipe() net.Conn {
	ours, theirs := net.Pipe()
	ours.Close()
	return theirs
}

func TestTheAcceptRateHoldsForAllServersTogether(t *testing.T) {
	t.Parallel()
	const rate = 40
	all, _ := siblings(t, 4, listener.Limits{KeepAlive: true, AcceptRate: rate})
	begun := time.Now()
	for i := range 3 * rate {
		all[i%4].dial()
	}
	accepted := func() uint64 { return sum(all, func(t listener.Totals) uint64 { return t.Accepted }) }
	for accepted() < 2*rate {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begun)
	if got := float64(accepted()); got > rate*took.Seconds()+rate/10+5 {
		t.Errorf("%v accepted in %v, want %d a second", got, took, rate)
	}
	if took > 10*time.Second {
		t.Errorf("%d took %v", 2*rate, took)
	}
}

func TestABoundOfIdleConnectionsHoldsForAllServersTogether(t *testing.T) {
	t.Parallel()
	const bound = 4
	all, _ := siblings(t, 2, listener.Limits{KeepAlive: true, MaxIdle: bound})
	for i := range 12 {
		all[i%2].dial().get("/")
		if i < bound { // a server tells the others when a connection waits, just behind its response
			eventually(t, "it waits", func() bool { return sum(all, func(t listener.Totals) uint64 { return t.Idle }) == uint64(i)+1 })
		}
	}
	eventually(t, "the others are closed behind their response", func() bool { return sum(all, openNow) == bound })
}
