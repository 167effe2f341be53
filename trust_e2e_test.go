//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control/problems"
)

// TestWhatIsNotOursIsToldAndNotWaitedFor: a directory for orphans that cannot be
// had, and a journal of a trial that is a FIFO.
func TestWhatIsNotOursIsToldAndNotWaitedFor(t *testing.T) {
	p := newPlace(t)
	state := filepath.Join(p.dir, "state")
	if err := os.Mkdir(state, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(state, "trial.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "control.sock.orphans"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.serve("--state", state)
	p.awaitProblem(problems.AdoptionMissing)
	events := p.must("events")
	for _, want := range []string{"no new master can adopt them", "trial.json is not used"} {
		if !strings.Contains(events, want) {
			t.Errorf("%q is not told:\n%s", want, events)
		}
	}
}

func TestOurDirectoryForOrphansIsClosedToOthers(t *testing.T) {
	p := newPlace(t)
	nest := filepath.Join(p.dir, "control.sock.orphans")
	if err := os.Mkdir(nest, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(nest, 0o777); err != nil {
		t.Fatal(err)
	}
	p.serve()
	if info, err := os.Stat(nest); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if found := p.status().Problems; len(found) > 0 {
		t.Errorf("problems: %+v", found)
	}
}
