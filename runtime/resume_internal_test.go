package runtime

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/upgrade"
)

// TestAnEarlierProgramIsFollowed: what it leaves is understood.
func TestAnEarlierProgramIsFollowed(t *testing.T) {
	data, err := os.ReadFile("testdata/5b955e8/carried.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckUpgrade(bytes.NewReader(data), io.Discard, "v2"); err != nil {
		t.Fatal(err)
	}
	c, err := upgrade.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c.Status.Path = "" // is not watched here
	a, release, err := resume(Options{Version: "v2"}, c)
	if err != nil {
		t.Fatal(err)
	}
	release()
	defer a.Shutdown(t.Context())
	s := a.monitor.Snapshot(control.WatchOptions{})
	if s.Generation != 2 || !s.StartedAt.Equal(time.Date(2026, 11, 30, 20, 42, 12, 522041366, time.UTC)) {
		t.Errorf("generation %d since %s", s.Generation, s.StartedAt)
	}
	if e := s.Config.Edits; len(e) != 1 || e[0].Value != "7000" || e[0].Base != "9000" || e[0].Reason != "for the sale" {
		t.Errorf("overrides %+v", e)
	}
	if n := len(s.Events); n == 0 || s.Events[n-1].Seq < 9 {
		t.Errorf("%d events, want those of before", n)
	}
	if cells, _ := a.cells.State(); cells["api/a"] != 0 || cells["api/b"] != 1 || len(cells) != 2 {
		t.Errorf("backends are counted at %v", cells)
	}
	if got := s.Listeners[1]; got.Name != "web" || got.Requests != 2 {
		t.Errorf("listener %+v, want the 2 requests of before", got)
	}
	all, err := a.History(t.Context(), control.HistoryQuery{})
	if err != nil || len(all) != 2 || !all[0].Running || all[0].Reason != "for the sale" {
		t.Errorf("history %+v, %v", all, err)
	}
}
