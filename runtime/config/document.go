package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// document is what the author wrote, without what is inherited. Documents are
// never changed; an edit makes another, which shares what stayed.
type document struct {
	root *node
	// dir is what relative file names are relative to; empty leaves them relative.
	dir string
}

type shape int

const (
	broken shape = iota // already reported; stands in for what cannot be read
	scalar
	mapping
	sequence
)

// node is a value of a document.
type node struct {
	shape   shape
	text    string  // of a scalar
	quoted  bool    // the scalar is surely a text: "80", not 80
	entries []entry // of a mapping, in the author's order
	items   []*node // of a sequence
	at      position
}

type entry struct {
	key   string
	at    position
	value *node
}

func scalarNode(text string) *node { return &node{shape: scalar, text: text} }

func (n *node) index(key string) int {
	return slices.IndexFunc(n.entries, func(e entry) bool { return e.key == key })
}

// get is nil-safe, so that a missing section reads like an empty one.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	if i := n.index(key); i >= 0 {
		return n.entries[i].value
	}
	return nil
}

func (n *node) find(path ...string) *node {
	for _, word := range path {
		n = n.get(word)
	}
	return n
}

func (n *node) keys() []string {
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.entries))
	for i, e := range n.entries {
		keys[i] = e.key
	}
	return keys
}

// with returns a copy of the mapping in which key has the value; nil removes it.
func (n *node) with(key string, value *node) *node {
	c := *n
	c.entries = slices.Clone(n.entries)
	i := c.index(key)
	switch {
	case i < 0 && value == nil:
	case i < 0:
		c.entries = append(c.entries, entry{key: key, value: value})
	case value == nil:
		c.entries = slices.Delete(c.entries, i, i+1)
	default:
		c.entries[i].value = value
	}
	return &c
}

// locate returns where the value at path is, or the key if it has none of its
// own; what is missing is located at what should have held it.
func (n *node) locate(path []string) position {
	at := n.at
	for _, word := range path {
		next, key := n.step(word)
		if next == nil {
			break
		}
		n, at = next, key
	}
	if n.shape == scalar {
		return n.at
	}
	return at
}

// step goes down one word: a key, or the index of an item.
func (n *node) step(word string) (*node, position) {
	if n.shape == sequence {
		if i, err := strconv.Atoi(word); err == nil && i >= 0 && i < len(n.items) {
			return n.items[i], n.items[i].at
		}
		return nil, position{}
	}
	if i := n.index(word); i >= 0 {
		return n.entries[i].value, n.entries[i].at
	}
	return nil, position{}
}

// flow writes the node in one line, as one could write it in the file.
func (n *node) flow() string {
	var b strings.Builder
	n.writeFlow(&b)
	return b.String()
}

func (n *node) writeFlow(b *strings.Builder) {
	switch n.shape {
	case scalar:
		b.WriteString(n.literal())
	case mapping:
		b.WriteByte('{')
		for i, e := range n.entries {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(literal(e.key, false) + ": ")
			e.value.writeFlow(b)
		}
		b.WriteByte('}')
	case sequence:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteString(", ")
			}
			item.writeFlow(b)
		}
		b.WriteByte(']')
	}
}

// block writes the entries of a mapping, a line each; below it, what holds
// collections is written in lines and what holds scalars in one.
func (n *node) block(b *strings.Builder, indent string) {
	for _, e := range n.entries {
		b.WriteString(indent + literal(e.key, false) + ":")
		switch {
		case e.value.shape == mapping && e.value.nested():
			b.WriteByte('\n')
			e.value.block(b, indent+"  ")
		case e.value.shape == sequence && len(e.value.items) > 0:
			b.WriteByte('\n')
			e.value.blockItems(b, indent+"  ")
		default:
			b.WriteByte(' ')
			e.value.writeFlow(b)
			b.WriteByte('\n')
		}
	}
}

func (n *node) blockItems(b *strings.Builder, indent string) {
	for _, item := range n.items {
		b.WriteString(indent + "- ")
		item.writeFlow(b)
		b.WriteByte('\n')
	}
}

func (n *node) nested() bool {
	return slices.ContainsFunc(n.entries, func(e entry) bool { return e.value.shape != scalar })
}

func (n *node) literal() string { return literal(n.text, n.quoted) }

// plain is text that means itself in YAML wherever it stands. It leaves out
// much that would be fine, for quotes never hurt.
var plain = regexp.MustCompile(`^(\./|/)?[A-Za-z0-9_][A-Za-z0-9_./-]*$|^/$`)

func literal(text string, quoted bool) string {
	if !quoted && plain.MatchString(text) && !strings.EqualFold(text, "null") {
		return text
	}
	// Every escape of Go is one of YAML, too.
	return strconv.Quote(text)
}

// likeAnother tells of a text that YAML, or its reader, could take for a
// number or a truth value.
func likeAnother(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n":
		return true
	}
	return text != "" && (text[0] >= '0' && text[0] <= '9')
}
