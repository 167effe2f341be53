package runtime

import (
	"strings"
	"testing"
)

// FuzzStateFiles: whatever lies in the state directory, it is understood whole
// or refused.
func FuzzStateFiles(f *testing.F) {
	f.Add([]byte(`{"file":"version: 1\n","config":"version: 1\n","overrides":{"a":{"base":"1","value":"2","since":"2026-01-01T00:00:00Z"}},"since":"0001-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"number":3,"revision":1,"time":"2026-01-01T00:00:00Z","trigger":"start","result":"applied","message":"m","changes":null,"config":"version: 1\n"}`))
	f.Add([]byte(`{"number":3,"result":"refused"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := decodeStanding(data); err == nil && (strings.TrimSpace(s.Config) == "" || strings.TrimSpace(s.File) == "") {
			t.Errorf("a standing without a config was accepted: %q", data)
		}
		if g, err := decodeGeneration(data, 3); err == nil && (g.Number != 3 || g.Changes == nil || g.Result == "applied" && g.Config == "") {
			t.Errorf("a generation %+v was accepted: %q", g, data)
		}
	})
}
