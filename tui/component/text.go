package component

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/echterhof/rockstar-tui/internal/printable"
)

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
	s = printable.Text(s)
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
	s = printable.Text(s)
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
