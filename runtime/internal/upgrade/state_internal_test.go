package upgrade

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

// upgrader is that of a runtime without listeners.
func upgrader(version string) *Upgrader {
	log := slog.New(slog.DiscardHandler)
	c := Config{
		Version: version, Ledger: ledger.New(time.Now, ledger.Rules{History: 5}), Cells: scoreboard.NewCells(),
		Certificates: certs.New(new(slowdisk.Files)), Events: events.New(log),
		FileHash: func() (hash [32]byte) { return hash },
	}
	c.Endpoints = endpoints.New(endpoints.Config{Log: log, Events: c.Events, Cells: c.Cells})
	c.Monitor = monitor.New(monitor.Config{Version: version, Endpoints: c.Endpoints, Cells: c.Cells, Certificates: c.Certificates, Events: c.Events})
	return New(c)
}

// leftBehind is what a runtime would leave.
func leftBehind() *State {
	u := upgrader("v1")
	return u.state(u.Endpoints.State())
}

func TestCheckTellsWhyItCannotGoOn(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*State)
		want   string
	}{
		"format":                  {func(s *State) { s.Format++ }, "hands over by format"},
		"protocol":                {func(s *State) { s.Protocol, s.ProtocolLatest = s.ProtocolLatest+1, 0 }, "speak version"},
		"layout":                  {func(s *State) { s.Board, s.BoardFormat = "x", 0 }, "another layout"},
		"format of the directory": {func(s *State) { s.BoardFormat++ }, "another layout"},
		"config":                  {func(s *State) { s.Config = "version: 2" }, "the running config is not valid"},
		"file":                    {func(s *State) { s.File = "listeners: 7" }, "the config file as last read"},
	} {
		s := leftBehind()
		if err := checkBytes(s); err != nil {
			t.Fatalf("unchanged: %v", err)
		}
		tt.change(s)
		if err := checkBytes(s); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", name, err, tt.want)
		}
	}
}

func checkBytes(s *State) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return Check(bytes.NewReader(data), io.Discard, "v2")
}

// TestPastOutlivesTheProgram: what is known of before is known after.
func TestPastOutlivesTheProgram(t *testing.T) {
	cfg, err := config.Parse("", []byte("version: 1\nlisteners: {web: {address: ':0', enabled: false}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	before := upgrader("v1")
	before.Monitor.Resume(time.Now().Add(-time.Hour).Round(0))
	before.Ledger.Resume(ledger.Resumed{Running: cfg, File: cfg, Generation: 7, LastActor: "alice"})
	before.Events.Add(control.Event{Level: control.LevelInfo, Listener: "web", Message: "it was"})
	web := endpoints.State{Name: "web", Trouble: "crashed", Crashes: 3}
	web.RetiredTotals.Requests, web.Highest.Requests = 5, 6
	before.Endpoints.Resume(t.Context(), web, cfg.Listeners, nil)
	data, err := json.Marshal(before.state(before.Endpoints.State()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	running, file, err := s.Configs()
	if err != nil {
		t.Fatal(err)
	}
	after := upgrader("v2")
	after.Resume(t.Context(), s, running, file, nil)
	if now := after.Ledger.View(); now.Generation != 7 || now.LastActor != "alice" || !now.Running.Equal(cfg) {
		t.Errorf("after: generation %d by %q", now.Generation, now.LastActor)
	}
	if was, is := before.Monitor.Started(), after.Monitor.Started(); !is.Equal(was) {
		t.Errorf("started %s, want %s", is, was)
	}
	if got := after.Endpoints.State(); len(got) != 1 || got[0] != web {
		t.Errorf("listener after: %+v, want %+v", got, web)
	}
	after.Events.Add(control.Event{Level: control.LevelInfo, Listener: "", Message: "it is"})
	if e := after.Events.Newest(); len(e) != 2 || e[0].Message != "it was" || e[1].Seq != 2 {
		t.Errorf("events %+v, want both, the second with number 2", e)
	}
}

// FuzzState: another program may hand over anything.
func FuzzState(f *testing.F) {
	data, err := json.Marshal(leftBehind())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":1,"listeners":[{"endpoint":{"sockets":{"slots":[1]}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out strings.Builder
		if err := Check(bytes.NewReader(data), &out, "v2"); (err == nil) != (out.Len() > 0) {
			t.Errorf("error %v, but answered %q", err, out.String())
		}
	})
}
