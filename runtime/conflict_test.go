//go:build unix

package runtime_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Four scripts look and change, each its own listener: none is in another's way.
func TestScriptsOnFourListenersDoNotConflict(t *testing.T) {
	text := "version: 1\nlisteners:\n"
	for i := range 4 {
		text += fmt.Sprintf("  l%d: {address: \"127.0.0.1:0\", routes: [{match: /, respond: {}}]}\n", i)
	}
	app := open(t, text)
	var scripts sync.WaitGroup
	for i := range 4 {
		scripts.Go(func() {
			for n := range 100 {
				s, err := app.Snapshot(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				c := control.Change{Base: s.Generation, Actor: fmt.Sprint("script ", i),
					Patch: patch(fmt.Sprintf("listeners.l%d.timeouts.idle=%ds", i, 10+n))}
				if _, err := app.Apply(t.Context(), c); err != nil {
					t.Errorf("script %d, change %d: %v", i, n, err)
				}
			}
		})
	}
	scripts.Wait()
	for i := range 4 {
		if got := info(t, app, fmt.Sprint("l", i)).Timeouts.Idle; got != "1m49s" {
			t.Errorf("listener %d has idle %s, want 1m49s", i, got)
		}
	}
}

func TestAConflictTellsWhoChangedWhat(t *testing.T) {
	app := open(t, inProcess)
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []control.Change{
		{Actor: "alice", Patch: patch("listeners.web.timeouts.idle=11s")},
		{Actor: "bob", Patch: patch("listeners.web.timeouts.read=12s")},
	} {
		if _, err := app.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	_, err = app.Apply(t.Context(), control.Change{Base: s.Generation, Patch: patch("listeners.web.timeouts.idle=13s")})
	if !errors.Is(err, control.ErrConflict) || !strings.Contains(err.Error(), "listeners.web.timeouts.idle was changed by alice") {
		t.Errorf("a change of the same value: %v, want a conflict that names it and alice", err)
	}
	_, err = app.Apply(t.Context(), control.Change{Base: s.Generation, Config: inProcess})
	if !errors.Is(err, control.ErrConflict) {
		t.Errorf("a whole config on an old state: %v, want a conflict", err)
	}
}
