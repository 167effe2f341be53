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
	if isPlain(s) || isClean(s) {
		return s
	}
	return strings.Map(visible, ansi.Strip(strings.ToValidUTF8(s, "?")))
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

// isClean is the way out for text with signs and letters of other scripts.
func isClean(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError && strings.HasPrefix(s[i:], "\uFFFD") {
			continue // is in the text itself
		}
		if r == utf8.RuneError || visible(r) != r {
			return false
		}
	}
	return true
}

func visible(r rune) rune {
	if r >= ' ' && r <= '~' || r >= 0x2190 && r <= 0x27BF {
		return r // ASCII, and our own signs
	}

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
	n := 0
	for _, r := range s {
		if !isNarrow(r) {
			return ansi.StringWidth(s)
		}
		n++
	}
	return n
}

// isNarrow holds for ASCII and for lines, blocks and circles, which are most of
// what is drawn: for them there is no need to look into the tables of Unicode.
func isNarrow(r rune) bool {
	return r >= ' ' && r <= '~' || r >= 0x2500 && r <= 0x25FC
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
	lines := wrapped(s, width)
	if len(lines) <= limit {
		return lines
	}
	rest := strings.Join(lines[limit-1:], " ")
	return append(lines[:limit-1:limit-1], Cut(rest, width, ellipsis))
}

// wrapped breaks s between words. Where that leaves a line too long, as a blank
// before a long word may, the line is broken anywhere.
func wrapped(s string, width int) []string {
	var out []string
	for _, l := range strings.Split(ansi.Wrap(s, width, ""), "\n") {
		if Width(l) > width {
			out = append(out, strings.Split(ansi.Hardwrap(l, width, true), "\n")...)
			continue
		}
		out = append(out, l)
	}
	return out
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
