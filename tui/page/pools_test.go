package page_test

import (
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
)

func TestPoolsSayWhatTheBackendAtTheCursorFailedOf(t *testing.T) {
	theme, err := themes.Load("mono")
	if err != nil {
		t.Fatal(err)
	}
	styles := component.NewStyles(theme, themes.Plain, themes.ASCII())
	keys := page.MoveKeys("up", "down")
	s := controltest.Scene("busy")
	s.Pools[0].Backends[0].LastError = &control.BackendError{Kind: "refused", Message: "it refuses connections", At: s.Time.Add(-12 * time.Second)}
	pools := page.NewPools(keys)
	pools.Resize(80, 20)
	pools.SetData(page.Compare(s, nil))
	const want = "failed 12s ago: it refuses connections"
	if got := strings.Join(pools.View(styles), "\n"); strings.Contains(got, want) {
		t.Errorf("the pool itself failed of something:\n%s", got)
	}
	pools.HandleKey(tea.KeyMsg{Type: tea.KeyDown})
	if got := strings.Join(pools.View(styles), "\n"); !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant %q in it", got, want)
	}
}
