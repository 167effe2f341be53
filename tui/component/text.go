package component

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Clean returns s without anything a terminal would obey or that would move
// text about: escape sequences, control characters, marks of writing direction
// and invisible characters. Tabs and line ends become spaces; what cannot be
// shown becomes a question mark.
func Clean(s string) string {
	if isPlain(s) {
		return s
	}
	return strings.Map(visible, strings.ToValidUTF8(ansi.Strip(s), "?"))
}

// isPlain is the fast way out for nearly everything: printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func visible(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r', r == '\u2028', r == '\u2029', r == '\u0085':
		return ' '
	case unicode.IsControl(r):
		return '?'
	case r == '\u200d', r == '\ufe0e', r == '\ufe0f': // hold emoji together
		return r
	case unicode.Is(unicode.Cf, r), r >= 0xE0000 && r <= 0xE0FFF:
		return -1
	case unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
		return '?'
	}
	return r
}

// Width is how many cells s takes on the screen. Escape sequences take none.
func Width(s string) int {
	if isPlain(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// Cut cleans s and shortens it to width cells, with the ellipsis at its end if
// something was cut off.
func Cut(s string, width int, ellipsis string) string {
	s = Clean(s)
	switch {
	case width <= 0:
		return ""
	case Width(s) <= width:
		return s
	}
	return ansi.Truncate(s, width, ellipsis)
}

// Wrap cleans s and breaks it into lines of at most width cells, preferably
// between words; no more than limit lines, the last of which is then cut.
func Wrap(s string, width, limit int, ellipsis string) []string {
	s = Clean(s)
	if width <= 0 || limit <= 0 {
		return nil
	}
	lines := strings.Split(ansi.Wrap(s, width, ""), "\n")
	if len(lines) <= limit {
		return lines
	}
	rest := strings.Join(lines[limit-1:], " ")
	return append(lines[:limit-1:limit-1], Cut(rest, width, ellipsis))
}

// ASCII returns s for a terminal whose locale knows nothing else: every other
// character becomes as many question marks as it has cells. Escape sequences,
// being ASCII, stay.
func ASCII(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return s
	}
	var b strings.Builder
	for s != "" {
		if s[0] < utf8.RuneSelf {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		cluster, width := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		b.WriteString(strings.Repeat("?", max(0, width)))
		s = s[max(1, len(cluster)):]
	}
	return b.String()
}
