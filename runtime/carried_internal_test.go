package runtime

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// heritage is what a runtime would leave.
func heritage(t testing.TB) *carried {
	t.Helper()
	a := newApp(Options{Version: "v1"})
	a.file = config.New()
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
	a.config, a.file = cfg, cfg
	a.started = time.Now().Add(-time.Hour)
	a.revision, a.lastActor = 7, "alice"
	a.events.Infof("web", "it was")
	m := a.endpoints.Listener("web")
	m.trouble, m.retiredTotals.Requests, m.highest.Requests = "crashed", 5, 6
	m.crashes.Store(3)
	a.endpoints.Commit(cfg.Listeners, []*managed{m})
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
	b.changeMu.Unlock()
	defer b.Shutdown(t.Context())
	s := b.snapshot(control.WatchOptions{})
	if s.Version != "v2" || !s.StartedAt.Equal(a.started) || s.Revision != 7 || len(s.Events) != 1 || s.Events[0].Message != "it was" {
		t.Errorf("after: %+v", s)
	}
	if got := b.endpoints.Listener("web"); got.Totals().Requests != 6 || got.trouble != "crashed" || got.Crashes() != 3 || got.retiredTotals.Requests != 5 {
		t.Errorf("listener after: %+v", got.retiredTotals)
	}
	b.events.Infof("", "it is")
	if e := b.events.Newest(); e[1].Seq != 2 {
		t.Errorf("the next event has number %d, want 2", e[1].Seq)
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
