package config

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// source is the text of a config file, with what is needed to find in it what
// the YAML library tells by line and column.
type source struct {
	data  []byte
	lines []int // where each line begins
}

func newSource(data []byte) *source {
	s := &source{data: data, lines: []int{len(data) - len(bytes.TrimPrefix(data, []byte("\ufeff")))}}
	for i := 0; i < len(data); {
		n := lineBreak(data[i:])
		if n > 0 {
			s.lines = append(s.lines, i+n)
		}
		i += max(n, 1)
	}
	return s
}

// lineBreak returns the length of the line break that b begins with, 0 if there
// is none. YAML knows more of them than most editors.
func lineBreak(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte("\r\n")):
		return 2
	case len(b) > 0 && (b[0] == '\n' || b[0] == '\r'):
		return 1
	case bytes.HasPrefix(b, []byte("\u0085")):
		return len("\u0085")
	case bytes.HasPrefix(b, []byte("\u2028")), bytes.HasPrefix(b, []byte("\u2029")):
		return len("\u2028")
	}
	return 0
}

// offset of a node's first byte.
func (s *source) offset(n *yaml.Node) int {
	at := s.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(s.data[at:])
		at += size
	}
	return at
}

// lineEnd returns where the line of offset at ends, before its break.
func (s *source) lineEnd(at int) int {
	for at < len(s.data) && lineBreak(s.data[at:]) == 0 {
		at++
	}
	return at
}

// lineStart returns where the line of offset at begins.
func (s *source) lineStart(at int) int {
	i, exact := slices.BinarySearch(s.lines, at)
	if !exact {
		i--
	}
	return s.lines[max(i, 0)]
}

// newline is how the file ends its lines.
func (s *source) newline() string {
	if len(s.lines) < 2 {
		return "\n"
	}
	end := s.lineEnd(s.lines[0])
	return string(s.data[end:s.lines[1]])
}

// indent counts the spaces that a line begins with; blank tells that there is
// nothing else in it.
func (s *source) indent(start int) (n int, blank bool) {
	line := s.data[start:s.lineEnd(start)]
	rest := bytes.TrimLeft(line, " ")
	return len(line) - len(rest), len(bytes.TrimSpace(rest)) == 0
}

// end returns the offset behind a value whose key, or dash, stands at a column.
// It returns -1 for what it does not understand.
func (s *source) end(n *yaml.Node, column int) int {
	switch {
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return s.endOfBlockScalar(n, column)
	case n.Kind == yaml.ScalarNode:
		return s.endOfScalar(n)
	case isFlow(n):
		return s.endOfFlow(n)
	case len(n.Content) == 0:
		return -1
	}
	return s.end(n.Content[len(n.Content)-1], n.Column)
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

func (s *source) endOfScalar(n *yaml.Node) int {
	at := s.offset(n)
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return s.closing(at+1, '"', `\`)
	case n.Style&yaml.SingleQuotedStyle != 0:
		return s.closing(at+1, '\'', `''`)
	}
	// A plain text stands there as it is, but for its line breaks.
	for i, word := range strings.FieldsFunc(n.Value, isSpace) {
		if i > 0 {
			at = s.skip(at, " \t\r\n")
		}
		if !bytes.HasPrefix(s.data[at:], []byte(word)) {
			return -1
		}
		at += len(word)
	}
	return at
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' }

// closing finds the quote that ends a text; escape is what makes the next byte,
// or the second half of itself, part of it.
func (s *source) closing(at int, quote byte, escape string) int {
	for at < len(s.data) {
		switch {
		case bytes.HasPrefix(s.data[at:], []byte(escape)):
			at += 2
		case s.data[at] == quote:
			return at + 1
		default:
			at++
		}
	}
	return -1
}

// endOfBlockScalar takes in every line that is indented deeper than the key.
func (s *source) endOfBlockScalar(n *yaml.Node, column int) int {
	end := s.lineEnd(s.offset(n))
	keep := bytes.Contains(s.data[s.offset(n):end], []byte("+"))
	for _, start := range s.lines[n.Line:] {
		indent, blank := s.indent(start)
		if !blank && indent < column || start == len(s.data) {
			break
		}
		if !blank || keep {
			end = s.lineEnd(start)
		}
	}
	return end
}

// endOfFlow finds the brace or bracket behind the last item.
func (s *source) endOfFlow(n *yaml.Node) int {
	at := s.offset(n)
	if s.data[at] != '{' && s.data[at] != '[' {
		return -1
	}
	at++
	if len(n.Content) > 0 {
		if at = s.end(n.Content[len(n.Content)-1], n.Column); at < 0 {
			return -1
		}
	}
	at = s.skipComments(at, ", \t\r\n")
	if at < len(s.data) && (s.data[at] == '}' || s.data[at] == ']') {
		return at + 1
	}
	return -1
}

func (s *source) skip(at int, what string) int {
	for at < len(s.data) && strings.IndexByte(what, s.data[at]) >= 0 {
		at++
	}
	return at
}

func (s *source) skipComments(at int, what string) int {
	for {
		at = s.skip(at, what)
		if at >= len(s.data) || s.data[at] != '#' {
			return at
		}
		at = s.lineEnd(at)
	}
}

// commented tells that there may be a comment between two offsets.
func (s *source) commented(from, to int) bool {
	for i := from; i < to; i++ {
		if s.data[i] == '#' && (i == from || strings.IndexByte(" \t\r\n", s.data[i-1]) >= 0) {
			return true
		}
	}
	return false
}

// replaced returns the text with what lies between two offsets replaced.
func (s *source) replaced(from, to int, by string) []byte {
	out := make([]byte, 0, len(s.data)+len(by))
	out = append(out, s.data[:from]...)
	out = append(out, by...)
	return append(out, s.data[to:]...)
}
