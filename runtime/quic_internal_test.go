package runtime

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

func TestAlternativesAreAnnouncedAndWithdrawn(t *testing.T) {
	var a alternative
	for _, c := range []struct {
		port int
		want string
	}{{0, ""}, {443, `h3=":443"; ma=3600`}, {8443, `h3=":8443"; ma=3600`}, {0, "clear"}, {0, "clear"}, {443, `h3=":443"; ma=3600`}} {
		a.set(c.port)
		if got := a.header(); got != c.want {
			t.Errorf("at port %d: %q, want %q", c.port, got, c.want)
		}
	}
}

func TestAPortHeldByItsLastConnectionsIsExplained(t *testing.T) {
	inUse := fmt.Errorf("open: %w", syscall.EADDRINUSE)
	m := &managed{retiring: []*endpoint{{sockets: &packets{}}}}
	if err := m.explain(inUse); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "still open") {
		t.Errorf("got %v, want why", err)
	}
	if err := m.explain(nil); err != nil {
		t.Errorf("got %v of nothing", err)
	}
	if err := (&managed{}).explain(inUse); err != inUse {
		t.Errorf("got %v, want it unchanged: nobody of ours holds the port", err)
	}
}
