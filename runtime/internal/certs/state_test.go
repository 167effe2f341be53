package certs_test

import (
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

// The keys of tickets are renewed by a clock, also while a state is handed over.
func TestAStateIsOfOneMoment(t *testing.T) {
	store := certs.New(new(slowdisk.Files))
	store.Inherit("web", [][32]byte{{1}})
	state := store.State()
	if !store.Rotate(time.Now().Add(25 * time.Hour)) {
		t.Fatal("no new key after a day")
	}
	if n := len(state.Tickets["web"]); n != 1 {
		t.Errorf("a state from before has %d keys, want 1", n)
	}
}
