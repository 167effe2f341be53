package endpoints

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

func TestAPortHeldByItsLastConnectionsIsExplained(t *testing.T) {
	inUse := fmt.Errorf("open: %w", syscall.EADDRINUSE)
	l := &Listener{retiring: []*Endpoint{{sockets: &packets{}}}}
	if err := l.explainDrain(inUse); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "still open") {
		t.Errorf("got %v, want why", err)
	}
	if err := l.explainDrain(nil); err != nil {
		t.Errorf("got %v of nothing", err)
	}
	if err := (&Listener{}).explainDrain(inUse); err != inUse {
		t.Errorf("got %v, want it unchanged: nobody of ours holds the port", err)
	}
}
