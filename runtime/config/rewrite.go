package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Rewrite makes edits in the text of a config file and returns the new text.
// It changes the bytes of the edited values and no others: comments, order,
// quotes, line ends and a byte order mark stay. What is missing is put in, in
// the style of its neighbours.
//
// The result is read again and must say what the file said, but for the edits:
// where that cannot be had, the error says why and what is to be edited by hand.
// The name of the file is used as by [Parse].
func Rewrite(file string, data []byte, p Patch) ([]byte, error) {
	before, err := Parse(file, data)
	if err != nil {
		return nil, err
	}
	want, err := before.With(p)
	if err != nil {
		return nil, err
	}
	if few := before.worth(p, want); len(few) < len(p) {
		if p = few; len(p) == 0 {
			return data, nil
		}
		if want, err = before.With(p); err != nil {
			return nil, err
		}
	}
	w := writer{file: file}
	for _, edit := range p {
		if data, err = w.edit(data, edit); err != nil {
			return nil, err
		}
	}
	got, err := Parse(file, data)
	if err != nil || !alike(got.doc.root, want.doc.root) {
		return nil, w.refuse(strings.Split(p[0].Path, "."), nil, "cannot be written without changing other values")
	}
	return data, nil
}

// worth leaves out the edits that lead from one config to another and change
// nothing: what the file says already, in whatever words, stays as it is.
func (c *Config) worth(p Patch, to *Config) Patch {
	var out Patch
	for _, edit := range p {
		written := c.doc.root.find(strings.Split(edit.Path, ".")...) != nil
		was, _ := c.Get(edit.Path)
		will, _ := to.Get(edit.Path)
		if written == edit.Unset || was != will {
			out = append(out, edit)
		}
	}
	return out
}

// alike compares what two valid documents say, whatever their order and quotes.
func alike(a, b *node) bool {
	if a == nil || b == nil || a.shape != b.shape || a.text != b.text ||
		len(a.entries) != len(b.entries) || len(a.items) != len(b.items) {
		return a == b
	}
	for _, e := range a.entries {
		if !alike(e.value, b.get(e.key)) {
			return false
		}
	}
	for i, item := range a.items {
		if !alike(item, b.items[i]) {
			return false
		}
	}
	return true
}

// writer makes edits in a text.
type writer struct{ file string }

func (w *writer) refuse(path []string, at *yaml.Node, why string) error {
	e := &Error{File: w.file, Path: joinPath(path), Message: why, Hint: "edit the file by hand"}
	if at != nil {
		e.Line, e.Column = at.Line, at.Column
	}
	return Errors{e}
}

// spot is where a path leads in a text.
type spot struct {
	*source
	path []string
	// maps are the mappings on the way, from the top; at has the index of the
	// key in each, which the last may not have.
	maps  []*yaml.Node
	at    []int
	found int // how many words of the path are there
}

func find(s *source, top *yaml.Node, path []string) *spot {
	p := &spot{source: s, path: path}
	for n := top; n.Kind == yaml.MappingNode && p.found < len(path); n = p.value(p.found - 1) {
		i := keyIndex(n, path[p.found])
		p.maps, p.at = append(p.maps, n), append(p.at, i)
		if i < 0 {
			break
		}
		p.found++
	}
	return p
}

// keyIndex returns where in the content of a mapping a key is, -1 if it is not.
func keyIndex(m *yaml.Node, key string) int {
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return i
		}
	}
	return -1
}

func (p *spot) key(level int) *yaml.Node   { return p.maps[level].Content[p.at[level]] }
func (p *spot) value(level int) *yaml.Node { return p.maps[level].Content[p.at[level]+1] }

// valueEnd is the offset behind the value of a level, -1 if that is not understood.
func (p *spot) valueEnd(level int) int { return p.end(p.value(level), p.key(level).Column) }

func (w *writer) edit(data []byte, edit Edit) ([]byte, error) {
	path := strings.Split(edit.Path, ".")
	r := &report{file: w.file, places: true}
	top, err := loadOne(data, nil, r)
	if err != nil || top == nil {
		return nil, w.refuse(path, nil, "is not in the file")
	}
	p := find(newSource(data), top, path)
	there := p.found == len(path)
	if edit.Unset {
		if !there {
			return data, nil
		}
		return w.remove(p, len(path)-1)
	}
	value := (&editor{report: r}).read(keyAt(path), edit.Value, path)
	if value == nil {
		return nil, r.err()
	}
	if there {
		return w.replace(p, value)
	}
	return w.insert(p, value)
}

// replace gives a key that is there another value.
func (w *writer) replace(p *spot, value *node) ([]byte, error) {
	last := len(p.path) - 1
	old := p.value(last)
	from, to := p.offset(old), p.valueEnd(last)
	switch {
	case to < 0 || old.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return nil, w.refuse(p.path, old, "is written as a block scalar")
	case old.Kind == yaml.ScalarNode && value.shape == scalar:
		return p.replaced(from, to, inStyle(value, old.Style)), nil
	case p.commented(p.colon(last), to):
		return nil, w.refuse(p.path, old, "contains comments that would be lost")
	case old.Kind != yaml.ScalarNode && !isFlow(old):
		from = p.colon(last)
		return p.replaced(from, to, " "+value.flow()), nil
	}
	return p.replaced(from, to, value.flow()), nil
}

// colon is the offset behind that of a key.
func (p *spot) colon(level int) int {
	at := p.endOfScalar(p.key(level))
	return p.skip(p.skip(at, " \t"), ":")
}

// easy is text that needs no quotes where other values around it have none.
var easy = regexp.MustCompile(`^[A-Za-z0-9_./-]([A-Za-z0-9_./:-]*[A-Za-z0-9_./-])?$`)

// inStyle writes a value with the quotes that were there.
func inStyle(value *node, style yaml.Style) string {
	switch {
	case style&yaml.DoubleQuotedStyle != 0:
		return strconv.Quote(value.text)
	case style&yaml.SingleQuotedStyle != 0 && !strings.ContainsFunc(value.text, func(r rune) bool { return !strconv.IsPrint(r) }):
		return "'" + strings.ReplaceAll(value.text, "'", "''") + "'"
	case !value.quoted && !strings.HasPrefix(value.text, "-") && !strings.EqualFold(value.text, "null") && easy.MatchString(value.text):
		return value.text
	}
	return value.literal()
}

// remove takes out the key of a level. A section in which nothing is left goes
// with it.
func (w *writer) remove(p *spot, level int) ([]byte, error) {
	m, i := p.maps[level], p.at[level]
	end := p.valueEnd(level)
	if end < 0 {
		return nil, w.refuse(p.path, p.value(level), "is written so that its end cannot be found")
	}
	if len(m.Content) == 2 && level > 0 {
		if k := keyAt(p.path[:level]); k.kind == section && k.name != "*" {
			return w.remove(p, level-1)
		}
		return w.empty(p, level-1)
	}
	if !isFlow(m) {
		from := p.lineStart(p.offset(p.key(level)))
		to := p.lineEnd(end)
		return p.replaced(from, to+lineBreak(p.data[to:]), ""), nil
	}
	if i == 0 {
		return p.replaced(p.offset(m.Content[0]), p.offset(m.Content[2]), ""), nil
	}
	before := p.end(m.Content[i-1], m.Column)
	return p.replaced(before, end, ""), nil
}

// empty leaves a key with nothing in it.
func (w *writer) empty(p *spot, level int) ([]byte, error) {
	value, end := p.value(level), p.valueEnd(level)
	if p.commented(p.colon(level), end) {
		return nil, w.refuse(p.path[:level+1], value, "contains comments that would be lost")
	}
	return p.replaced(p.colon(level), end, " {}"), nil
}

// insert puts in a key that is not there, with the sections that lead to it.
func (w *writer) insert(p *spot, value *node) ([]byte, error) {
	if p.found == len(p.maps) {
		return nil, w.refuse(p.path, nil, "is inside a value that holds no keys")
	}
	m, words := p.maps[p.found], p.path[p.found:]
	if isFlow(m) {
		return w.insertFlow(p, m, words, value)
	}
	last := m.Content[len(m.Content)-1]
	end := p.end(last, m.Column)
	if end < 0 {
		return nil, w.refuse(p.path, last, "follows a value whose end cannot be found")
	}
	end = p.lineEnd(end)
	return p.replaced(end, end, p.lineFor(m, words, value)), nil
}

// lineFor writes a new key of a mapping that has a line for each.
func (p *spot) lineFor(m *yaml.Node, words []string, value *node) string {
	var b strings.Builder
	column, step, inOne := m.Column, p.step(m), sectionsInOneLine(m)
	for i, word := range words {
		b.WriteString(p.newline() + strings.Repeat(" ", column-1) + literal(word, false) + ":")
		if inOne && i == 0 && len(words) > 1 {
			b.WriteString(" " + nest(words[1:], value).flow())
			return b.String()
		}
		column += step
	}
	b.WriteString(" " + value.flow())
	return b.String()
}

// sectionsInOneLine tells that the sections of a mapping are written {like: this}.
func sectionsInOneLine(m *yaml.Node) bool {
	inOne := false
	for i := 1; i < len(m.Content); i += 2 {
		if v := m.Content[i]; v.Kind == yaml.MappingNode {
			if !isFlow(v) {
				return false
			}
			inOne = true
		}
	}
	return inOne
}

// step is by how much the file indents.
func (p *spot) step(m *yaml.Node) int {
	for i := len(p.maps) - 1; i > 0; i-- {
		if d := p.maps[i].Column - p.maps[i-1].Column; d > 0 && !isFlow(p.maps[i]) {
			return d
		}
	}
	for i := 1; i < len(m.Content); i += 2 {
		if v := m.Content[i]; v.Kind == yaml.MappingNode && !isFlow(v) {
			return max(1, v.Column-m.Column)
		}
	}
	return 2
}

func nest(words []string, value *node) *node {
	for _, word := range slices.Backward(words) {
		value = &node{shape: mapping, entries: []entry{{key: word, value: value}}}
	}
	return value
}

func (w *writer) insertFlow(p *spot, m *yaml.Node, words []string, value *node) ([]byte, error) {
	end := p.endOfFlow(m)
	if end < 0 {
		return nil, w.refuse(p.path, m, "is written so that its end cannot be found")
	}
	text := nest(words, value).flow()
	text = text[1 : len(text)-1]
	if len(m.Content) == 0 {
		at := p.offset(m) + 1
		return p.replaced(at, at, text), nil
	}
	if m.Content[len(m.Content)-2].Style&yaml.DoubleQuotedStyle != 0 {
		text = asJSON(nest(words, value))
	}
	at := p.end(m.Content[len(m.Content)-1], m.Column)
	return p.replaced(at, at, ", "+text), nil
}

// asJSON writes the entries of a mapping for a file that is JSON.
func asJSON(n *node) string {
	var b strings.Builder
	for i, e := range n.entries {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(e.key) + ": " + jsonValue(e.value))
	}
	return b.String()
}

func jsonValue(n *node) string {
	switch n.shape {
	case mapping:
		return "{" + asJSON(n) + "}"
	case sequence:
		items := make([]string, len(n.items))
		for i, item := range n.items {
			items[i] = jsonValue(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	if _, err := parseInt(n.text); !n.quoted && (err == nil || n.text == "true" || n.text == "false") {
		return n.text
	}
	return strconv.Quote(n.text)
}
