//go:build unix

package runtime_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// testdata/state-before-ledger was left by a program that counted revisions and
// generations apart, and was killed during a trial: a start, a change, a refused
// attempt, a trial, its confirmation, and the trial under way.
func TestTheStateDirectoryOfAnOlderProgramIsRead(t *testing.T) {
	o := crashOptions(crashPlace(t))
	if err := os.CopyFS(o.StateDir, os.DirFS("testdata/state-before-ledger")); err != nil {
		t.Fatal(err)
	}
	app := start(t, o)
	if got := info(t, app, "web").Timeouts; got.Idle != "11s" || got.Read != "12s" || got.Write != "10s" {
		t.Errorf("it comes up with %+v, want the overrides from before the trial", got)
	}
	s, err := app.Snapshot(t.Context())
	if err != nil || s.Generation != 7 || s.Config.Generation != 7 || len(s.Config.Edits) != 2 || s.Config.Edits[0].Actor != "alice" {
		t.Errorf("revision %d, generation %d, edits %+v, %v; want the seventh generation, and two overrides of alice",
			s.Generation, s.Config.Generation, s.Config.Edits, err)
	}
	all := historyOf(t, app, control.HistoryQuery{Config: true})
	if len(all) != 7 || all[0].Trigger != control.TriggerStart || !all[0].Running {
		t.Fatalf("the history is %+v, want six entries from before and the start", all)
	}
	for i, g := range all {
		if want := uint64(7 - i); g.Number != want || g.Revision != want || (g.Result == control.ResultRefused) != (want == 3) {
			t.Errorf("entry %d is %+v, want number %d for both", i, g, want)
		}
	}
	if _, err := app.Act(t.Context(), control.Action{Kind: control.Rollback, Generation: 3}); err == nil {
		t.Error("it went back to what was refused")
	}
	if res, err := app.Act(t.Context(), control.Action{Kind: control.Rollback, Generation: 1}); err != nil || res.Made != 8 || res.Generation != 8 {
		t.Errorf("back to the first: %+v, %v; want generation 8", res, err)
	}
	if _, err := os.Stat(filepath.Join(o.StateDir, "generation-0000000008.json")); err != nil {
		t.Error(err)
	}
}
