package config_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// whole is a config in which every key can be set: KEY stands for one of them
// with its value, in the map that it belongs to.
func whole(path, value string) string {
	words := strings.Split(path, ".")
	last := words[len(words)-1]
	under := strings.Join(words[:len(words)-1], ".")
	fields := map[string]string{
		"":                                 "version: 1",
		"listeners.*":                      `address: "127.0.0.1:0"`,
		"listeners.*.tls":                  "cert_file: a.pem|key_file: b.pem",
		"listeners.*.routes.*":             `match: "/"|respond: {body: x}`,
		"listeners.*.routes.*.files":       "root: .",
		"listeners.*.routes.*.proxy":       "pool: api",
		"pools.*":                          `backends: {a: {url: "http://127.0.0.1:1"}}`,
		"pools.*.backends.*":               `url: "http://127.0.0.1:1"`,
		"listeners.*.routes.*.respond":     "",
		"defaults":                         "",
		"listeners.*.prefork.recycle":      "",
		"listeners.*.routes.*.stats":       "",
		"listeners.*.routes.*.timeouts":    "",
		"listeners.*.limits.min_rate":      "",
		"listeners.*.routes.*.respond.set": "",
	}
	// The key replaces one of the same name in its map.
	var inner []string
	for field := range strings.SplitSeq(fields[under], "|") {
		if field != "" && !strings.HasPrefix(field, last+":") {
			inner = append(inner, field)
		}
	}
	text := strings.Join(append(inner, last+": "+value), ", ")
	for len(words) > 1 {
		words = words[:len(words)-1]
		name, above := words[len(words)-1], strings.Join(words[:len(words)-1], ".")
		item := "{" + text + "}"
		if name == "*" && strings.HasSuffix(above, "routes") {
			text = "[" + item + "]"
			words = words[:len(words)-1]
			text = "routes: " + text
			above = strings.Join(words[:len(words)-1], ".")
		} else if name == "*" {
			text = "a: " + item
		} else {
			text = name + ": " + item
		}
		for field := range strings.SplitSeq(fields[above], "|") {
			handler := above == "listeners.*.routes.*" && (name == "respond" || name == "files" || name == "proxy" || name == "stats")
			if field != "" && !strings.HasPrefix(field, name+":") && !(handler && strings.HasPrefix(field, "respond")) && !(name == "*" && strings.HasPrefix(text, field)) {
				text = field + ", " + text
			}
		}
	}
	if !strings.Contains(text, "pools:") && strings.Contains(text, "proxy:") {
		text += `, pools: {api: {backends: {a: {url: "http://127.0.0.1:1"}}}}`
	}
	return "{" + text + "}"
}

// values to try of each type, beside what is just within and just beyond limits.
var tried = map[string][]string{
	"duration":       {"0s", "500ms", "1s", "1500ms", "+1s", "24h", "24h0m0s", "24h1s", "24.5h", "25h", "1440m", "1441m", "86401s", "100h", "9000h", "-1s", "10", "\"10s\"", "1m30s", "0.5s", ".5s", "ten", "1d", "[]", "{}", "true"},
	"size":           {"0", "1", "1023", "1024", "1KiB", "4KiB", "31MiB", "32MiB", "33554431", "1MiB", "1025KiB", "1GiB", "1024GiB", "1025GiB", "010", "\"4KiB\"", "-1", "4KB", "4 KiB", "240B", "[]"},
	"number":         {"0", "1", "2", "-1", "200", "599", "600", "199", "1000", "1001", "10000000", "10000001", "1000000000", "1000000001", "\"1\"", "ten", "1.5", "[]", "true"},
	"number or auto": {"0", "4", "256", "257", "-1", "auto", "\"auto\"", "\"4\"", "\"257\"", "many", "1.5", "true"},
	"true or false":  {"true", "false", "yes", "1", "\"true\"", "[]"},
	"choice":         {"http", "http3", "hold", "auto", "random", "\"\"", "[]"},
	"text":           {"\"\"", "a", "a.html", "..", "a/b", "\":80\"", "\"80\"", "\":http\"", "\"/x\"", "\"http://127.0.0.1:80\"", "\"http://127.0.0.1\"", "\"https://127.0.0.1:80\"", "\"http://127.0.0.1:80/x\"", "[]", "{}"},
	"map":            {"{}", "{A: b}", "{A: 1}", "[]", "x", "{A: []}"},
	"list":           {"[]", "{}", "x", `[{match: "/", respond: {}}]`, `[{match: "/"}]`, `[{match: "/", respond: {}, stats: {}}]`, `[{respond: {}}]`},
}

// onlyParse is what a schema cannot see, because YAML has read the value before
// or because several parts or keys have to be looked at together.
func onlyParse(message string) bool {
	for _, words := range []string{"no leading zeros", "needs tls", "conflicts with", "is not a pattern", "the same address", "no pool", "is not a host", "is out of range", "h2c is for", "does not work with quic"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// TestSchemaAndParseAgree tries every key with every kind of value.
func TestSchemaAndParseAgree(t *testing.T) {
	s, seen := checker(t), 0
	for _, k := range config.Keys() {
		values := tried[k.Type]
		if values == nil {
			t.Fatalf("%s: nothing to try of a %s", k.Path, k.Type)
		}
		if k.Min != "" && k.Type != "list" {
			values = append([]string{k.Min, k.Max}, values...)
		}
		for _, value := range append(values, k.Choices...) {
			seen++
			agree(t, s, whole(k.Path, value))
		}
	}
	for _, text := range []string{"{version: 2}", "{version: 1}", "{version: \"1\"}", "{}", "{version: 1, listener: {}}", "{version: 1, listeners: {\"-a\": {address: \":1\"}}}"} {
		agree(t, s, text)
	}
	if seen < 500 {
		t.Errorf("only %d configs were tried", seen)
	}
}

func agree(t *testing.T, s *jsonschema.Schema, text string) {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	_, parsed := config.Parse("a.yaml", []byte(text))
	marked := s.Validate(doc)
	if (parsed == nil) == (marked == nil) || parsed != nil && onlyParse(parsed.Error()) {
		return
	}
	t.Errorf("they disagree on\n%s\nParse: %v\nschema: %.300v", text, parsed, marked)
}

// TestSchemaMarksNoGoodValue: what Parse takes, an editor must not mark.
func TestSchemaMarksNoGoodValue(t *testing.T) {
	s, r := checker(t), rand.New(rand.NewPCG(1, 2))
	good := 0
	for range 3000 {
		text := ""
		for range 1 + r.IntN(3) {
			text += strconv.FormatFloat(math.Floor(math.Pow(10, 6*r.Float64()))/[]float64{1, 1, 10}[r.IntN(3)], 'f', -1, 64) +
				[]string{"us", "ms", "s", "s", "m", "h"}[r.IntN(6)]
		}
		size := strconv.Itoa(int(math.Pow(10, 8*r.Float64()))) + []string{"", "B", "KiB", "MiB", "GiB"}[r.IntN(5)]
		for path, value := range map[string]string{
			"listeners.*.timeouts.idle": text, "listeners.*.prefork.recycle.max_age": text, "defaults.limits.min_rate.grace": text,
			"listeners.*.limits.max_header_bytes": size, "listeners.*.prefork.recycle.max_memory": size,
		} {
			text := whole(path, value)
			if parses(text) {
				good++
				agree(t, s, text)
			}
		}
	}
	if good < 1000 {
		t.Errorf("only %d values were good", good)
	}
}

func parses(text string) bool {
	_, err := config.Parse("a.yaml", []byte(text))
	return err == nil
}

func TestProtocolsAreKnownByOtherNames(t *testing.T) {
	for written, meant := range map[string]string{"http3": "quic", "h3": "quic", "HTTP/3": "quic", "h2": "http2", "https": "http"} {
		_, err := config.Parse("a.yaml", []byte(whole("listeners.*.protocol", written)))
		if want := `did you mean "` + meant + `"?`; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", written, err, want)
		}
	}
}
