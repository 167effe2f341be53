package themes

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

//go:embed *.yaml
var files embed.FS

// maxSize of a theme file, in bytes.
const maxSize = 64 << 10

// Names of the themes that come with the program, sorted.
func Names() []string {
	entries, _ := files.ReadDir(".") // sorted by name; an embedded directory cannot fail
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Load returns a theme by its name, or from a file if name is a path: if it
// has a slash or ends in .yaml.
func Load(name string) (*Theme, error) {
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return loadFile(name)
	}
	data, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no theme %q; use %s, or the path of a file", name, strings.Join(Names(), ", "))
	}
	return Parse(name+".yaml", data)
}

func loadFile(path string) (*Theme, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load theme: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("load theme: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a theme file. It is strict: every meaning has its style, and
// nothing else is in it. All errors are reported at once, each with its place;
// file only names it.
func Parse(file string, data []byte) (*Theme, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s: larger than %d bytes: not a theme", file, maxSize)
	}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r := reader{file: file}
	t := r.theme(&doc)
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return t, nil
}

// reader walks a document and gathers what is wrong with it.
type reader struct {
	file string
	errs []error
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	place := fmt.Sprintf("%s:%d:%d: ", r.file, n.Line, n.Column)
	r.errs = append(r.errs, errors.New(place+fmt.Sprintf(format, args...)))
}

func (r *reader) theme(doc *yaml.Node) *Theme {
	t := &Theme{styles: map[Meaning]Style{}}
	if doc.Kind == yaml.DocumentNode && len(doc.Content) > 0 {
		doc = doc.Content[0]
	}
	r.mapping(doc, "a theme", func(key, value *yaml.Node) {
		switch key.Value {
		case "name":
			t.Name = r.text(value)
		case "background":
			t.Background = r.oneOf(value, "dark", "light", "any")
		case "styles":
			r.styles(t, value)
		default:
			r.fail(key, "unknown key %q; use name, background or styles", key.Value)
		}
	})
	if t.Name == "" {
		r.fail(doc, "no name")
	}
	if t.Background == "" {
		r.fail(doc, "no background; write dark, light or any")
	}
	if missing := t.missing(); len(missing) > 0 {
		r.fail(doc, "no style for %s", strings.Join(missing, ", "))
	}
	return t
}

func (t *Theme) missing() []string {
	var names []string
	for _, m := range Meanings() {
		if _, ok := t.styles[m]; !ok {
			names = append(names, string(m))
		}
	}
	return names
}

func (r *reader) styles(t *Theme, n *yaml.Node) {
	r.mapping(n, "styles", func(key, value *yaml.Node) {
		m := Meaning(key.Value)
		if !slices.Contains(Meanings(), m) {
			r.fail(key, "unknown style %q; use one of %v", key.Value, Meanings())
		}
		t.styles[m] = r.style(value)
	})
}

func (r *reader) style(n *yaml.Node) (s Style) {
	r.mapping(n, "a style", func(key, value *yaml.Node) {
		switch key.Value {
		case "fg":
			s.Fg = r.color(value)
		case "bg":
			s.Bg = r.color(value)
		case "bold":
			s.Bold = r.boolean(value)
		case "faint":
			s.Faint = r.boolean(value)
		case "underline":
			s.Underline = r.boolean(value)
		case "reverse":
			s.Reverse = r.boolean(value)
		default:
			r.fail(key, "unknown key %q; use fg, bg, bold, faint, underline or reverse", key.Value)
		}
	})
	return s
}

// mapping calls each for every pair of n. Aliases and merges are refused: a
// theme is short enough to be written out. Duplicate keys the decoder lets
// pass in nodes, so they are looked for here.
func (r *reader) mapping(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s must be a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			r.fail(key, "%q appears twice", key.Value)
		}
		seen[key.Value] = true
		each(key, value)
	}
}

func (r *reader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		r.fail(n, "must be text")
		return ""
	}
	return n.Value
}

func (r *reader) oneOf(n *yaml.Node, values ...string) string {
	v := r.text(n)
	if v != "" && !slices.Contains(values, v) {
		r.fail(n, "%q must be one of %s", v, strings.Join(values, ", "))
	}
	return v
}

func (r *reader) color(n *yaml.Node) Color {
	c, err := ParseColor(r.text(n))
	if err != nil {
		r.fail(n, "%v", err)
	}
	return c
}

func (r *reader) boolean(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
		r.fail(n, "must be true or false")
	}
	return n.Value == "true"
}
