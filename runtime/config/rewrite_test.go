package config_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// handmade is how people write: their order, their quotes, their comments.
const handmade = `# our servers
version: 1   # of the schema

defaults: {timeouts: {read: 20s, idle: 1m}}   # for all

listeners:
    # the one everybody uses
    web:
        address: ':8080'   # behind the balancer
        prefork:
            workers: 2 # two are enough
        timeouts: {idle: 30s,   write: 5s}
        routes:
          - match: "/"
            respond:
                body: |
                    ünïcödé
                    # not a comment
    # for the office only
    admin:
        enabled: false
        address: "127.0.0.1:9090"
        # the end of admin

# backends
pools:
    api:
        backends:
            a: {url: "http://127.0.0.1:9001"}   # first
            b:
                url: http://127.0.0.1:9002
                weight: 3
# the end
`

var rewrites = []struct {
	path, value string // no value: unset
	gone, come  string // lines
}{
	{"listeners.web.prefork.workers", "6", "            workers: 2 # two are enough", "            workers: 6 # two are enough"},
	{"listeners.web.prefork.workers", "2", "", ""},
	{"defaults.timeouts.idle", "60s", "", ""},
	{"listeners.web.address", ":8081", "        address: ':8080'   # behind the balancer", "        address: ':8081'   # behind the balancer"},
	{"listeners.admin.address", "127.0.0.1:9091", `        address: "127.0.0.1:9090"`, `        address: "127.0.0.1:9091"`},
	{"listeners.web.timeouts.idle", "2s", "        timeouts: {idle: 30s,   write: 5s}", "        timeouts: {idle: 2s,   write: 5s}"},
	{"listeners.web.timeouts.read", "2s", "        timeouts: {idle: 30s,   write: 5s}", "        timeouts: {idle: 30s,   write: 5s, read: 2s}"},
	{"listeners.web.timeouts.idle", "", "        timeouts: {idle: 30s,   write: 5s}", "        timeouts: {write: 5s}"},
	{"listeners.web.timeouts.write", "", "        timeouts: {idle: 30s,   write: 5s}", "        timeouts: {idle: 30s}"},
	{"listeners.web.enabled", "false", "", "        enabled: false"},
	{"listeners.admin.enabled", "true", "        enabled: false", "        enabled: true"},
	{"listeners.admin.enabled", "", "        enabled: false", ""},
	{"listeners.admin.timeouts.idle", "9s", "", "        timeouts:\n            idle: 9s"},
	{"defaults.limits.accept_rate", "7", "defaults: {timeouts: {read: 20s, idle: 1m}}   # for all", "defaults: {timeouts: {read: 20s, idle: 1m}, limits: {accept_rate: 7}}   # for all"},
	{"pools.api.max_conns", "9", "", "        max_conns: 9"},
	{"pools.api.backends.b.url", "http://127.0.0.1:9003", "                url: http://127.0.0.1:9002", "                url: http://127.0.0.1:9003"},
	{"pools.api.backends.a.weight", "2", `            a: {url: "http://127.0.0.1:9001"}   # first`, `            a: {url: "http://127.0.0.1:9001", weight: 2}   # first`},
	{"pools.api.backends.a", "", `            a: {url: "http://127.0.0.1:9001"}   # first`, ""},
	{"pools.api.backends.b", "", "            b:\n                url: http://127.0.0.1:9002\n                weight: 3", ""},
	{"listeners.api", `{address: ":90"}`, "", `    api: {address: ":90"}`},
	{"listeners.web.routes", `[{match: /x, stats: {}}]`, "", "refused: contains comments"},
	{"listeners.web.prefork.workers", "", "        prefork:\n            workers: 2 # two are enough", ""},
}

// lineChanges are the lines that are only in one of two texts.
func lineChanges(from, to string) (gone, come string) {
	a, b := strings.SplitAfter(from, "\n"), strings.SplitAfter(to, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return strings.TrimSuffix(strings.Join(a, ""), "\n"), strings.TrimSuffix(strings.Join(b, ""), "\n")
}

func TestRewriteTouchesNothingElse(t *testing.T) {
	for _, r := range rewrites {
		t.Run(r.path+"="+r.value, func(t *testing.T) {
			got, err := config.Rewrite("my.yaml", []byte(handmade), config.Patch{{Path: r.path, Value: r.value, Unset: r.value == ""}})
			if want, refused := strings.CutPrefix(r.come, "refused: "); refused {
				if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "my.yaml:") {
					t.Fatalf("got %v, want it refused: %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if gone, come := lineChanges(handmade, string(got)); gone != r.gone || come != r.come {
				t.Errorf("gone:\n%s\ncome:\n%s\nwant gone:\n%s\ncome:\n%s", gone, come, r.gone, r.come)
			}
		})
	}
}

func TestRewriteKeepsLineEndsAndJSON(t *testing.T) {
	idle := config.Patch{{Path: "listeners.web.timeouts.idle", Value: "2s"}}
	for _, c := range []struct{ name, from, to string }{
		{"CRLF", "version: 1\r\nlisteners:\r\n  web:\r\n    address: ':1'\r\n", "version: 1\r\nlisteners:\r\n  web:\r\n    address: ':1'\r\n    timeouts:\r\n      idle: 2s\r\n"},
		{"BOM", "\ufeffversion: 1\nlisteners: {web: {address: ':1', timeouts: {idle: 1s}}}\n", "\ufeffversion: 1\nlisteners: {web: {address: ':1', timeouts: {idle: 2s}}}\n"},
		{"no last newline", "version: 1\nlisteners:\n  web:\n    address: ':1'", "version: 1\nlisteners:\n  web:\n    address: ':1'\n    timeouts:\n      idle: 2s"},
		{"JSON", `{"version": 1, "listeners": {"web": {"address": ":1"}}}`, `{"version": 1, "listeners": {"web": {"address": ":1", "timeouts": {"idle": "2s"}}}}`},
		{"behind a block of text", "version: 1\nlisteners:\n  web:\n    address: ':1'\n    routes:\n    - match: /\n      respond:\n        body: |\n          a\n\n          # b\n\n# end\n",
			"version: 1\nlisteners:\n  web:\n    address: ':1'\n    routes:\n    - match: /\n      respond:\n        body: |\n          a\n\n          # b\n    timeouts:\n      idle: 2s\n\n# end\n"},
		{"trailing comma", "version: 1\nlisteners: {web: {address: ':1', timeouts: {\n  read: 1s, # why\n}}}\n", "version: 1\nlisteners: {web: {address: ':1', timeouts: {\n  read: 1s, idle: 2s, # why\n}}}\n"},
	} {
		got, err := config.Rewrite("", []byte(c.from), idle)
		if err != nil || string(got) != c.to {
			t.Errorf("%s: %v\n%q\nwant\n%q", c.name, err, got, c.to)
		}
	}
}

func TestRewriteRefusesWhatItCannotKeep(t *testing.T) {
	file := "version: 1\nlisteners:\n  web:\n    address: >-\n      :80\n"
	_, err := config.Rewrite("my.yaml", []byte(file), config.Patch{{Path: "listeners.web.address", Value: ":81"}})
	want := "my.yaml:4:14: listeners.web.address: is written as a block scalar; edit the file by hand"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := config.Rewrite("my.yaml", []byte("version: 2\n"), nil); err == nil {
		t.Error("a file that is not valid was rewritten")
	}
	if _, err := config.Rewrite("my.yaml", []byte(handmade), config.Patch{{Path: "listeners.web.timeouts.idle", Value: "2"}}); err == nil {
		t.Error("a value that is not valid was written")
	}
}

// styled writes a document as anybody might, with a numbered comment here and there.
type styled struct {
	generator
	newline  string
	comments int
	b        strings.Builder
}

func (s *styled) comment() string {
	if !s.chance(0.3) {
		return ""
	}
	s.comments++
	return fmt.Sprintf("%s# comment %d.", s.pick(" ", "   "), s.comments)
}

func (s *styled) scalar(n *yaml.Node) string {
	// What could be a number or a truth value means something else in quotes.
	plain := regexp.MustCompile(`^[a-z][a-z0-9_./-]*$|^[0-9]+[a-zA-Z]+$`).MatchString(n.Value) && n.Style == 0 &&
		n.Value != "null" && n.Value != "true" && n.Value != "false"
	switch {
	case plain && s.chance(0.4):
		return "'" + n.Value + "'"
	case n.Style == 0:
		return n.Value
	case s.chance(0.3) && !strings.ContainsFunc(n.Value, func(r rune) bool { return !strconv.IsPrint(r) }):
		return "'" + strings.ReplaceAll(n.Value, "'", "''") + "'"
	}
	return strconv.Quote(n.Value)
}

func (s *styled) flow(n *yaml.Node) string {
	var items []string
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		item := s.scalarOrFlow(c)
		if n.Kind == yaml.MappingNode {
			item = s.scalar(n.Content[i-1]) + ": " + item
		}
		items = append(items, item)
	}
	text := strings.Join(items, s.pick(", ", ",", " , "))
	if len(items) > 0 && s.chance(0.2) {
		text += ","
	}
	if n.Kind == yaml.MappingNode {
		return "{" + s.pick("", " ") + text + s.pick("", " ") + "}"
	}
	return "[" + text + "]"
}

func (s *styled) scalarOrFlow(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return s.scalar(n)
	}
	return s.flow(n)
}

func (s *styled) block(n *yaml.Node, indent string) {
	for i := 0; i < len(n.Content); i += 2 {
		if s.chance(0.2) {
			s.b.WriteString(s.newline)
		}
		if c := s.comment(); c != "" {
			s.b.WriteString(indent + strings.TrimSpace(c) + s.newline)
		}
		s.b.WriteString(indent + s.scalar(n.Content[i]) + ":")
		s.below(n.Content[i+1], indent)
	}
}

func (s *styled) below(v *yaml.Node, indent string) {
	deeper := indent + s.pick("  ", "    ")
	switch {
	case v.Kind == yaml.MappingNode && len(v.Content) > 0 && s.chance(0.7):
		s.b.WriteString(s.comment() + s.newline)
		s.block(v, deeper)
	case v.Kind == yaml.SequenceNode && len(v.Content) > 0 && s.chance(0.7):
		s.b.WriteString(s.comment() + s.newline)
		for _, item := range v.Content {
			s.b.WriteString(deeper + "- " + s.flow(item) + s.comment() + s.newline)
		}
	default:
		s.b.WriteString(" " + s.scalarOrFlow(v) + s.comment() + s.newline)
	}
}

// restyle writes what a config says in a random style.
func (g generator) restyle(t *testing.T, text []byte) string {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	s := &styled{generator: g, newline: g.pick("\n", "\r\n")}
	s.b.WriteString(g.pick("", "\ufeff"))
	s.block(doc.Content[0], "")
	return s.b.String()
}

// TestRewriteOfAnyStyle edits random files in random styles. What comes out says
// what was meant, and no comment is lost but those of what was removed.
func TestRewriteOfAnyStyle(t *testing.T) {
	g := seeded(t)
	made, refused := 0, 0
	for range 50 {
		from := g.parsed(t, g.config())
		to := g.edited(from)
		if g.chance(0.5) {
			to = g.parsed(t, g.config())
		}
		file := g.restyle(t, from.YAML())
		was, err := config.Parse("my.yaml", []byte(file))
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		for _, edit := range config.PatchOf(config.Diff(from, to)) {
			want, err := was.With(config.Patch{edit})
			if err != nil {
				continue
			}
			got, err := config.Rewrite("my.yaml", []byte(file), config.Patch{edit})
			if err != nil {
				refused++
				mayRefuse(t, err, file, edit)
				continue
			}
			made++
			sayTheSame(t, got, want, file, edit)
			if !edit.Unset && !slices.Equal(commentsOf(file), commentsOf(string(got))) {
				t.Fatalf("comments lost by %+v:\n%s\n%s", edit, file, got)
			}
		}
	}
	if t.Logf("%d edits made, %d refused", made, refused); made < 10*refused || made < 20 {
		t.Errorf("%d edits made, %d refused", made, refused)
	}
}

func mayRefuse(t *testing.T, err error, file string, edit config.Edit) {
	t.Helper()
	if !strings.Contains(err.Error(), "contains comments that would be lost") {
		t.Fatalf("%v\n%+v\n%s", err, edit, file)
	}
}

func sayTheSame(t *testing.T, got []byte, want *config.Config, file string, edit config.Edit) {
	t.Helper()
	is, err := config.Parse("my.yaml", got)
	if err != nil || !is.Equal(want) {
		t.Fatalf("%v\n%+v\n%s\n%s", err, edit, file, got)
	}
}

var numbered = regexp.MustCompile(`# comment [0-9]+\.`)

func commentsOf(file string) []string { return numbered.FindAllString(file, -1) }

func FuzzRewrite(f *testing.F) {
	f.Add([]byte(handmade), "listeners.web.timeouts.idle", "2s", false)
	f.Add([]byte(handmade), "listeners.web.routes", "[]", false)
	f.Add(config.Sample(), "listeners.web.address", ":81", false)
	f.Add([]byte(`{"version": 1, "listeners": {"web": {"address": ":1"}}}`), "listeners.web", "", true)
	f.Add([]byte("version: 1\nlisteners: {web: {address: \"a\\\n  b:1\"}}"), "listeners.web.address", ":81", false)
	for _, r := range rewrites {
		f.Add([]byte(handmade), r.path, r.value, r.value == "")
	}
	f.Fuzz(func(t *testing.T, file []byte, path, value string, unset bool) {
		before := bytes.Clone(file)
		p := config.Patch{{Path: path, Value: value, Unset: unset}}
		got, err := config.Rewrite("my.yaml", file, p)
		if !bytes.Equal(before, file) {
			t.Fatal("the old text was changed")
		}
		if err != nil {
			return
		}
		was, err := config.Parse("my.yaml", file)
		if err != nil {
			t.Fatalf("rewrote what is not valid: %v", err)
		}
		want, err := was.With(p)
		if err != nil {
			t.Fatalf("wrote what is not valid: %v", err)
		}
		sayTheSame(t, got, want, string(file), p[0])
	})
}
