package runtime

import (
	"fmt"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func memory() goruntime.MemStats {
	var m goruntime.MemStats
	goruntime.GC()
	goruntime.ReadMemStats(&m)
	return m
}

func TestTheHistoryOfLargeConfigsIsSmall(t *testing.T) {
	var g generations
	before := memory()
	entry := func(i int) control.Generation {
		e := control.Generation{Result: control.ResultApplied, Message: "reload"}
		var text strings.Builder
		for n := range 5000 {
			fmt.Fprintf(&text, "  l%d: {address: \"127.0.0.1:0\", timeouts: {idle: %ds}, routes: [{match: /, respond: {body: hello}}]}\n", n, i)
			e.Changes = append(e.Changes, config.Change{Path: fmt.Sprintf("listeners.l%d.timeouts.idle", n), From: fmt.Sprintf("%ds", i-1), To: fmt.Sprintf("%ds", i)})
		}
		e.Config = text.String()
		return e
	}
	for i := range keptGenerations {
		g.add(entry(i))
	}
	if grown := int64(memory().HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("fifty configs of 500 KiB hold %d MiB", grown>>20)
	}
	for i, e := range g.list(control.HistoryQuery{Limit: 2, Config: true}) {
		want := entry(keptGenerations - 1 - i)
		if e.Config != want.Config || len(e.Changes) != len(want.Changes) || e.Changes[7] != want.Changes[7] {
			t.Errorf("generation %d is not what was kept", e.Number)
		}
	}
}

func TestWhatALargeConfigTookIsGivenBack(t *testing.T) {
	text := []byte("version: 1\nlisteners:\n" + strings.Repeat("- a\n", 500_000))
	if _, err := parseConfig("a.yaml", text); err == nil {
		t.Error("it was accepted")
	}
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	if kept := m.HeapIdle - m.HeapReleased; kept > 64<<20 {
		t.Errorf("%d MiB are kept that nobody uses", kept>>20)
	}
}
