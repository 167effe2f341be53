package config_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

var update = flag.Bool("update", false, "write the reference anew")

func TestTheReferenceIsTheTable(t *testing.T) {
	const path = "../../docs/config.md"
	if *update {
		if err := os.WriteFile(path, []byte(config.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	is, err := os.ReadFile(path)
	if err != nil || string(is) != config.Reference() {
		t.Errorf("docs/config.md is not what the table says; make golden writes it; %v", err)
	}
	for _, k := range config.Keys() {
		if !strings.Contains(config.Reference(), "`"+k.Path+"`") {
			t.Errorf("%s is missing in the reference", k.Path)
		}
		if k.Doc == "" || k.TakesEffect == "" {
			t.Errorf("%s is not explained: %+v", k.Path, k)
		}
	}
}

func TestExplainUnderstandsPaths(t *testing.T) {
	for _, c := range []struct {
		path string
		want []string
	}{
		{"listeners.web.timeouts.idle", []string{"listeners.*.timeouts.idle"}},
		{"listeners.*.prefork.workers", []string{"listeners.*.prefork.workers"}},
		{"timeouts.idle", []string{"defaults.timeouts.idle", "listeners.*.timeouts.idle"}},
		{"pools.api.backends.a", []string{"pools.*.backends.*", "pools.*.backends.*.url", "pools.*.backends.*.weight"}},
		{"listeners.web.routes.0.match", []string{"listeners.*.routes.*.match"}},
	} {
		keys, err := config.Explain(c.path)
		var got []string
		for _, k := range keys {
			got = append(got, k.Path)
		}
		if err != nil || strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: got %v, %v; want %v", c.path, got, err, c.want)
		}
	}
	if all, err := config.Explain(""); err != nil || len(all) < len(config.Keys()) {
		t.Errorf("got %d keys, want all %d; %v", len(all), len(config.Keys()), err)
	}
	_, err := config.Explain("listeners.web.timeouts.idel")
	if err == nil || !strings.Contains(err.Error(), `did you mean "idle"?`) {
		t.Errorf("got %v", err)
	}
}

// checker is a JSON Schema library, which knows nothing of us.
func checker(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asAny(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

func TestSchemaAcceptsWhatParseDoes(t *testing.T) {
	s, g := checker(t), seeded(t)
	texts := [][]byte{config.Sample(), []byte(handmade), []byte(shop), large(2)}
	for range 100 {
		texts = append(texts, []byte(g.config()))
	}
	for _, text := range texts {
		if err := s.Validate(asAny(t, text)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
}

// TestSchemaMarksWhatIsWrongInOneKey: what concerns several keys is Parse's alone.
func TestSchemaMarksWhatIsWrongInOneKey(t *testing.T) {
	s, marked := checker(t), 0
	for _, m := range mistakes {
		if len(m.want) == 0 || !oneKey(m.want[0]) {
			continue
		}
		if err := s.Validate(asAny(t, []byte(m.text))); err == nil {
			t.Errorf("%s is not marked:\n%s", m.name, m.text)
		}
		marked++
	}
	if marked < 10 {
		t.Errorf("only %d mistakes were tried", marked)
	}
}

func oneKey(message string) bool {
	for _, words := range []string{"unknown key", "is not a duration", "a duration needs a unit", "is not a size", "is not a whole number", "is missing", "is a list", "is not true or false", "must be between"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}
