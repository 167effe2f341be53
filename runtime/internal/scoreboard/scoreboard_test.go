package scoreboard_test

import (
	"sync/atomic"
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

func TestAlternativesAreAnnouncedAndWithdrawn(t *testing.T) {
	a := scoreboard.New()
	for _, c := range []struct {
		port int
		want string
	}{{0, ""}, {443, `h3=":443"; ma=3600`}, {8443, `h3=":8443"; ma=3600`}, {0, "clear"}, {0, "clear"}, {443, `h3=":443"; ma=3600`}} {
		a.Announce(c.port)
		if got := a.AltSvc(); got != c.want {
			t.Errorf("at port %d: %q, want %q", c.port, got, c.want)
		}
	}
}

func TestTotalsAreThoseOfAll(t *testing.T) {
	b := scoreboard.New()
	c := b.Listener
	for i, n := range []*atomic.Uint64{&c.Accepted, &c.Active, &c.Idle, &c.Requests, &c.BytesIn, &c.BytesOut, &c.Refused, &c.TimedOut} {
		n.Store(uint64(i + 1))
	}
	all := listener.Totals{Accepted: 11, Active: 12, Idle: 13, Requests: 14, BytesIn: 15, BytesOut: 16, Refused: 17, TimedOut: 18,
		Failures: listener.Failures{Client: 21, Canceled: 22, Server: 23, Backend: 24}}
	b.SetOthers(all)
	if got := b.Totals(); got != all {
		t.Errorf("totals %+v, want those of all, %+v", got, all)
	}
	c.Requests.Store(3)
	b.SetOthers(listener.Totals{Requests: 1}) // read before this process had counted the rest
	if got := b.Totals().Requests; got != 3 {
		t.Errorf("%d requests, want at least the own 3", got)
	}
}

func TestCellsAreNeverGivenAway(t *testing.T) {
	c := scoreboard.NewCells()
	for range 2 { // the second time it is known
		if cell, err := c.Place("api/a"); cell != 0 || err != nil {
			t.Fatalf("cell %d, %v", cell, err)
		}
	}
	c.Inherit("api/b", 7) // an adopted process counts there
	c.Inherit("api/x", -1)
	c.Inherit("api/y", scoreboard.MaxCells)
	if cell, _ := c.Place("api/c"); cell != 8 {
		t.Errorf("cell %d, want one beyond all that are taken", cell)
	}
	if cell, _ := c.Peek("api/unknown"); cell != 0 {
		t.Errorf("cell %d", cell)
	}
	if cells, _ := c.All(); len(cells) != 3 {
		t.Errorf("cells %v, want three", cells)
	}
}

func TestWhatAGoneProcessCountedStays(t *testing.T) {
	c := scoreboard.NewCells()
	cell, _ := c.Place("api/a")
	b := scoreboard.New()
	b.Backends[cell].Requests.Add(5)
	c.Fold(b)
	c.Fold(b)
	again := scoreboard.NewCells()
	again.Restore(c.State())
	if _, gone := again.All(); gone["api/a"].Requests != 10 {
		t.Errorf("%+v, want 10 requests", gone["api/a"])
	}
}

func TestAFullBoardSaysSo(t *testing.T) {
	c := scoreboard.NewCells()
	c.Inherit("api/last", scoreboard.MaxCells-1)
	if _, err := c.Place("api/more"); err == nil {
		t.Error("placed beyond the board")
	}
}
