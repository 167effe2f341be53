//go:build unix

package runtime_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// earlierPlace is a config file with the state directory of the program of a commit,
// which died in the middle of a trial with a save waiting. The listener gets any port.
func earlierPlace(t *testing.T, commit string) string {
	t.Helper()
	dir, from := t.TempDir(), filepath.Join("testdata", commit)
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(from, "state", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no state in %s: %v", from, err)
	}
	for _, path := range append(files, filepath.Join(from, "rockstar.yaml")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(from, path)
		writeFile(t, filepath.Join(dir, name), strings.ReplaceAll(string(text), "127.0.0.1:18081", "127.0.0.1:0"))
	}
	return dir
}

func TestTheStateOfAnEarlierProgramIsRead(t *testing.T) {
	app := start(t, crashOptions(earlierPlace(t, "5b955e8")))
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	web := info(t, app, "web")
	if s.Config.Trial != nil || s.Config.Error != nil || web.WorkersWanted != 2 || web.Timeouts.Idle != "33s" || web.Timeouts.Shutdown != "21s" || web.Limits.MaxConnections != 9000 {
		t.Errorf("%+v, trial %+v; want idle 33s and 2 workers as before the trial, shutdown 21s of the save", web, s.Config.Trial)
	}
	if e := s.Config.Edits; len(e) != 1 || e[0].Path != "listeners.web.timeouts.idle" || e[0].Value != "33s" || e[0].Base != "1m40s" ||
		e[0].Reason != "kept by hand" || e[0].Actor != "alice (uid 1000, pid 4242)" || e[0].Since.IsZero() {
		t.Errorf("overrides %+v, want the one of alice", e)
	}
	history := historyOf(t, app, control.HistoryQuery{Config: true})
	byReason := map[string]control.Generation{}
	for _, g := range history {
		byReason[g.Reason] = g
	}
	if g := byReason["a try"]; g.Number != 4 || g.Trigger != control.TriggerTrial || len(g.Changes) != 1 || !strings.Contains(g.Config, "workers: 1") {
		t.Errorf("the trial in the history: %+v", g)
	}
	if g := byReason["no such address"]; g.Result != "refused" || !strings.Contains(g.Message, "cannot assign requested address") {
		t.Errorf("the refused change in the history: %+v", g)
	}
	if history[0].Number <= 4 || !history[0].Running {
		t.Errorf("what runs is generation %+v, want one above 4", history[0])
	}
	if _, err := app.Act(t.Context(), control.Action{Kind: control.Rollback, Generation: 1}); err != nil {
		t.Fatal(err)
	}
	if got := info(t, app, "web").Timeouts; got.Idle != "1m40s" || got.Shutdown != "20s" {
		t.Errorf("back at generation 1: %+v, want idle 1m40s and shutdown 20s", got)
	}
}
