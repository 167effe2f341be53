package scoreboard_test

import (
	"testing"
	"unsafe"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

func TestAlternativesAreAnnouncedAndWithdrawn(t *testing.T) {
	var a scoreboard.Alternative
	for _, c := range []struct {
		port int
		want string
	}{{0, ""}, {443, `h3=":443"; ma=3600`}, {8443, `h3=":8443"; ma=3600`}, {0, "clear"}, {0, "clear"}, {443, `h3=":443"; ma=3600`}} {
		a.Set(c.port)
		if got := a.Header(); got != c.want {
			t.Errorf("at port %d: %q, want %q", c.port, got, c.want)
		}
	}
}

func TestABoardLiesInMemory(t *testing.T) {
	memory := make([]byte, scoreboard.Size+8)
	b := scoreboard.Over(memory[uintptr(unsafe.Pointer(&memory[0]))%8:])
	b.Listener.Requests.Add(3)
	b.SetOthers(listener.Totals{Requests: 10, Active: 2, Failures: listener.Failures{Client: 1}})
	if got := b.Totals(); got.Requests != 10 || got.Active != 2 || got.Failures.Client != 1 {
		t.Errorf("totals %+v, want those of all", got)
	}
	b.SetOthers(listener.Totals{Requests: 1}) // read before this process had counted the rest
	if got := b.Totals().Requests; got != 3 {
		t.Errorf("%d requests, want at least the own 3", got)
	}
}
