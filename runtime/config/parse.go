package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	mostBytes = 8 << 20
	mostDepth = 64
)

// Load reads and parses the file at path, of at most 8 MiB. What is wrong with
// its content comes as [Errors], anything else as the error of package os.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	defer f.Close()
	// One byte more than allowed lets Parse see that it is too much.
	data, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	return Parse(path, data)
}

// Parse makes a Config of a file's content, of at most 8 MiB. Its error is
// [Errors], with everything that is wrong. The file is not opened: its name
// tells the place in errors, and its directory is what relative file roots are
// relative to. With an empty name these stay as written.
func Parse(file string, data []byte) (*Config, error) {
	r := &report{file: file, places: true}
	root := load(data, nil, r)
	if root == nil {
		return nil, r.err()
	}
	return resolve(&document{root: root, dir: directory(file)}, r)
}

// directory is absolute where that can be known, so that a root means the same
// whoever reads the Config.
func directory(file string) string {
	if file == "" {
		return ""
	}
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	return filepath.Dir(file)
}

// load reads one YAML document, whose top is at path. What it cannot read at all gives nil; what it
// does not accept is reported and left in the tree as broken.
func load(data []byte, path []string, r *report) *node {
	if at, f := unfit(data); f != nil {
		r.add(path, at, f)
		return nil
	}
	top, err := loadOne(data, path, r)
	switch {
	case err != nil:
		r.add(path, place(err), syntaxFault(err, r))
		return nil
	case top == nil:
		r.add(path, position{1, 1}, faultf("the file is empty").hintf("start with version: 1"))
		return nil
	}
	l := loader{report: r}
	return l.node(top, path)
}

// unfit refuses what is not worth showing to the YAML library, which does not
// say where it found such bytes.
func unfit(data []byte) (position, *fault) {
	if len(data) > mostBytes {
		return position{1, 1}, faultf("the config is larger than %s", Size(mostBytes))
	}
	for i := 0; i < len(data); {
		c, n := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && n == 1 {
			return placeOf(data, i), faultf("byte %#02x is not UTF-8 text", data[i])
		}
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return placeOf(data, i), faultf("control character %#02x", c)
		}
		i += n
	}
	return position{}, nil
}

func placeOf(data []byte, offset int) position {
	before := data[:offset]
	lastLine := before[bytes.LastIndexByte(before, '\n')+1:]
	return position{bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(lastLine) + 1}
}

// loadOne returns the top value of the only document, nil if there is none.
func loadOne(data []byte, path []string, r *report) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(mostDepth))))
	if err != nil {
		return nil, err
	}
	var doc, next yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	switch err := loader.Load(&next); {
	case err == nil:
		r.add(path, position{next.Line, next.Column}, faultf("a second YAML document starts here").
			hintf("a config is a single document, without ---"))
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return doc.Content[0], nil
}

func place(err error) position {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return position{}
	}
	return position{e.Mark.Line, e.Mark.Column}
}

func syntaxFault(err error, r *report) *fault {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return faultf("not YAML: %v", err)
	}
	f := faultf("not YAML: %s", e.Message)
	if e.ContextMsg != "" {
		begin := position{e.ContextMark.Line, e.ContextMark.Column}
		f.message += " " + e.ContextMsg + begin.suffix(" that begins in", r)
	}
	switch {
	case strings.Contains(e.Message, "cannot start any token"):
		f.hint = "indent with spaces, not tabs, and quote values that start with a special character"
	case strings.Contains(e.Message, "unknown anchor"), strings.Contains(e.Message, "alias"):
		f.hint = "aliases (*name) are not supported; quote a value that starts with *"
	}
	return f
}

// loader turns nodes of the YAML library into ours and reports what YAML
// allows but a config does not.
type loader struct{ report *report }

func (l *loader) node(y *yaml.Node, path []string) *node {
	n := &node{at: position{y.Line, y.Column}}
	f := forbidden(y)
	if f == nil && isNull(y) {
		f = noValue(path)
	}
	if f != nil {
		l.report.add(path, n.at, f)
		return n
	}
	switch y.Kind {
	case yaml.ScalarNode:
		n.shape, n.text, n.quoted = scalar, y.Value, y.Style != 0
	case yaml.MappingNode:
		n.shape = mapping
		l.entries(n, y, path)
	case yaml.SequenceNode:
		n.shape = sequence
		for i, item := range y.Content {
			n.items = append(n.items, l.node(item, append(path, fmt.Sprint(i))))
		}
	}
	return n
}

func forbidden(y *yaml.Node) *fault {
	switch {
	case y.Kind == yaml.AliasNode:
		return faultf("aliases are not supported").hintf("write the value out, or quote it if it starts with *")
	case y.Anchor != "":
		return faultf("anchors are not supported").hintf("quote a value that starts with &")
	case y.Style&yaml.TaggedStyle != 0:
		return faultf("tags are not supported").hintf("quote a value that starts with !")
	}
	return nil
}

func isNull(y *yaml.Node) bool {
	return y.Kind == yaml.ScalarNode && y.ShortTag() == "!!null"
}

func noValue(path []string) *fault {
	f := faultf("has no value")
	k := keyAt(path)
	switch {
	case k == nil:
		return f
	case k.example != "":
		return f.like(k)
	case k.shape() == mapping:
		return f.hintf("write {} if it is empty, or remove it")
	}
	return f.hintf("give it one, or remove it")
}

func (l *loader) entries(n *node, y *yaml.Node, path []string) {
	seen := make(map[string]position, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		at := position{key.Line, key.Column}
		if f := unusableKey(key); f != nil {
			l.report.add(path, at, f)
			continue
		}
		here := append(path, key.Value)
		if first, ok := seen[key.Value]; ok {
			l.report.add(here, at, faultf("appears twice%s", first.suffix(", first in", l.report)))
			continue
		}
		seen[key.Value] = at
		n.entries = append(n.entries, entry{key.Value, at, l.node(value, here)})
	}
}

func unusableKey(y *yaml.Node) *fault {
	switch {
	case y.Kind == yaml.ScalarNode && y.ShortTag() == "!!merge":
		return faultf("merge keys (<<) are not supported").hintf("use defaults for values that listeners share")
	case isNull(y):
		return faultf("a key is missing before the colon")
	}
	if f := forbidden(y); f != nil {
		return f
	}
	if y.Kind != yaml.ScalarNode {
		return faultf("a key must be a word").hintf("quote text that contains braces or brackets")
	}
	return nil
}

// suffix names the line, if that means anything to the reader.
func (p position) suffix(words string, r *report) string {
	if !r.places || p.line == 0 {
		return ""
	}
	return fmt.Sprintf("%s line %d", words, p.line)
}
