package ledger

import (
	"encoding/json"
	"fmt"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzStateFiles: whatever lies in the state directory, it is understood whole
// or refused.
func FuzzStateFiles(f *testing.F) {
	f.Add([]byte(`{"file":"version: 1\n","config":"version: 1\n","overrides":{"a":{"base":"1","value":"2","since":"2026-01-01T00:00:00Z"}},"since":"0001-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"number":3,"revision":1,"time":"2026-01-01T00:00:00Z","trigger":"start","result":"applied","message":"m","changes":null,"config":"version: 1\n"}`))
	f.Add([]byte(`{"number":3,"result":"refused"}`))
	f.Add([]byte(`{"number":0,"revision":7,"result":"refused"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := DecodeSaved(data); err == nil && (strings.TrimSpace(s.Config) == "" || strings.TrimSpace(s.File) == "") {
			t.Errorf("a state without a config was accepted: %q", data)
		}
		if g, err := DecodeGeneration(GenerationFile(3), data); err == nil && (g.Number != 3 || g.Changes == nil || g.Result == "applied" && g.Config == "") {
			t.Errorf("a generation %+v was accepted: %q", g, data)
		}
		if g, err := DecodeGeneration(refusedFile(7, 2), data); err == nil && (g.Number != 0 || g.Revision != 7 || g.Changes == nil || g.Result != "refused") {
			t.Errorf("an attempt %+v was accepted: %q", g, data)
		}
	})
}

func TestFilesOfOthersAreNoHistory(t *testing.T) {
	for _, name := range []string{"generation-1.json", "generation-0000000000.json", "generation-0000000001.json.bak", "refused-1-1.json", "refused-0000000001.json", "x"} {
		if _, err := DecodeGeneration(name, []byte("{}")); err != ErrNotOurs {
			t.Errorf("%s: %v, want it left alone", name, err)
		}
	}
}

func TestTheHistoryOfLargeConfigsIsSmall(t *testing.T) {
	const keep = 50
	entry := func(i int) control.Generation {
		e := control.Generation{Number: uint64(i + 1), Revision: uint64(i + 1), Result: control.ResultApplied, Message: "reload"}
		var text strings.Builder
		for n := range 5000 {
			fmt.Fprintf(&text, "  l%d: {address: \"127.0.0.1:0\", timeouts: {idle: %ds}, routes: [{match: /, respond: {body: hello}}]}\n", n, i)
			e.Changes = append(e.Changes, config.Change{Path: fmt.Sprintf("listeners.l%d.timeouts.idle", n), From: fmt.Sprintf("%ds", i-1), To: fmt.Sprintf("%ds", i)})
		}
		e.Config = text.String()
		return e
	}
	before := memory()
	var h history
	for i := range keep {
		h, _, _ = h.add(entry(i), 0, keep)
	}
	if grown := int64(memory().HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("fifty configs of 500 KiB hold %d MiB", grown>>20)
	}
	l := New(time.Now, Rules{History: keep})
	l.Resume(Resumed{Running: config.New(), File: config.New(), Past: Past{Entries: []control.Generation{entry(0), entry(1)}}})
	all, err := l.View().History(control.HistoryQuery{Config: true})
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for i, e := range all {
		want := entry(1 - i)
		if e.Config != want.Config || len(e.Changes) != len(want.Changes) || e.Changes[7] != want.Changes[7] {
			t.Errorf("generation %d is not what was kept", e.Number)
		}
	}
	goruntime.KeepAlive(h)
}

func memory() (m goruntime.MemStats) {
	goruntime.GC()
	goruntime.ReadMemStats(&m)
	return m
}
