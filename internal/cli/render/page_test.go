package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func FuzzJSONHasNothingATerminalWouldObey(f *testing.F) {
	for _, s := range []string{"", "web", "\x1b[2J", "\u009b31m", "a\r\nb", "\u202egpj.exe", "\xff\xfe", "naïve 世界 \\u001b", "\U000e0041\ue000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		if err := JSON(&out, s, ""); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(strings.TrimSuffix(out.String(), "\n"), func(r rune) bool { return !printable.Rune(r) }) {
			t.Errorf("%q would be obeyed by a terminal", out.String())
		}
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got, want string
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%q is no JSON: %v", &out, err)
		}
		if err := json.Unmarshal(plain, &want); err != nil || got != want {
			t.Errorf("%q came out as %q, %v", want, got, err)
		}
	})
}

func TestAPlanSaysOneThingALine(t *testing.T) {
	p := &Page{}
	Plan(p, &control.Plan{Summary: "web moves", Changes: []config.Change{{Path: "a"}}, Needs: control.Needs{Processes: 2},
		Listeners: []control.ListenerPlan{{Name: "web", Drained: 3, Deadline: "30s"}, {Name: "edge", Drained: 1, Deadline: "9s"}}}, 0)
	text := p.String()
	if strings.Contains(text, `\n`) || strings.Count(text, "drains within") != 2 || !strings.Contains(text, "\nneeds 2 processes") {
		t.Errorf("got\n%s", text)
	}
}
