package runtime

import (
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"

	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
)

// heritage is what a runtime would leave.
func heritage(t testing.TB) *carried {
	t.Helper()
	a := newApp(Options{Version: "v1"})
	a.events.Infof("", "it was")
	return a.describe(a.endpoints.State())
}

func TestCheckTellsWhyItCannotGoOn(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*carried)
		want   string
	}{
		"format":                  {func(c *carried) { c.Format++ }, "hands over by format"},
		"protocol":                {func(c *carried) { c.Protocol, c.ProtocolLatest = c.ProtocolLatest+1, 0 }, "speak version"},
		"layout":                  {func(c *carried) { c.Board, c.BoardFormat = "x", 0 }, "another layout"},
		"format of the directory": {func(c *carried) { c.BoardFormat++ }, "another layout"},
		"config":                  {func(c *carried) { c.Config = "version: 2" }, "what runs is not valid"},
		"file":                    {func(c *carried) { c.File = "listeners: 7" }, "the config file said"},
	} {
		c := heritage(t)
		if err := checkBytes(c); err != nil {
			t.Fatalf("unchanged: %v", err)
		}
		tt.change(c)
		if err := checkBytes(c); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", name, err, tt.want)
		}
	}
}

func checkBytes(c *carried) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return CheckUpgrade(bytes.NewReader(data), io.Discard, "v2")
}

// TestPastOutlivesTheProgram: what is shown of before is shown after.
func TestPastOutlivesTheProgram(t *testing.T) {
	a := newApp(Options{Version: "v1"})
	cfg, err := config.Parse("", []byte("version: 1\nlisteners: {web: {address: ':0', enabled: false}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	a.monitor.Resume(time.Now().Add(-time.Hour))
	a.ledger.Resume(ledger.Resumed{Running: cfg, File: cfg, Generation: 7, LastActor: "alice"})
	a.events.Infof("web", "it was")
	web := endpoints.State{Name: "web", Trouble: "crashed", Crashes: 3}
	web.RetiredTotals.Requests, web.Highest.Requests = 5, 6
	a.endpoints.Resume(t.Context(), web, cfg.Listeners, nil)
	data, err := json.Marshal(a.describe(a.endpoints.State()))
	if err != nil {
		t.Fatal(err)
	}
	c, err := readCarried(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	b, err := resume(Options{Version: "v2"}, c)
	if err != nil {
		t.Fatal(err)
	}
	b.release()
	defer b.Shutdown(t.Context())
	s := b.monitor.Snapshot(control.WatchOptions{})
	if s.Version != "v2" || !s.StartedAt.Equal(a.monitor.Started()) || s.Revision != 7 || len(s.Events) != 1 || s.Events[0].Message != "it was" {
		t.Errorf("after: %+v", s)
	}
	if got := b.endpoints.State(); len(got) != 1 || got[0] != web {
		t.Errorf("listener after: %+v, want %+v", got, web)
	}
	b.events.Infof("", "it is")
	if e := b.events.Newest(); e[1].Seq != 2 {
		t.Errorf("the next event has number %d, want 2", e[1].Seq)
	}
}

// TestAnEarlierProgramIsFollowed: what it leaves is understood.
func TestAnEarlierProgramIsFollowed(t *testing.T) {
	data, err := os.ReadFile("testdata/5b955e8/carried.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckUpgrade(bytes.NewReader(data), io.Discard, "v2"); err != nil {
		t.Fatal(err)
	}
	c, err := readCarried(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c.Status.Path = "" // is not watched here
	a, err := resume(Options{Version: "v2"}, c)
	if err != nil {
		t.Fatal(err)
	}
	a.release()
	defer a.Shutdown(t.Context())
	s := a.monitor.Snapshot(control.WatchOptions{})
	if s.Revision != 2 || !s.StartedAt.Equal(time.Date(2026, 11, 30, 20, 42, 12, 522041366, time.UTC)) {
		t.Errorf("revision %d since %s", s.Revision, s.StartedAt)
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

// FuzzCarried: another program may hand over anything.
func FuzzCarried(f *testing.F) {
	data, err := json.Marshal(heritage(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":1,"listeners":[{"endpoint":{"sockets":{"slots":[1]}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out strings.Builder
		if err := CheckUpgrade(bytes.NewReader(data), &out, "v2"); (err == nil) != (out.Len() > 0) {
			t.Errorf("error %v, but answered %q", err, out.String())
		}
	})
}
