package prefork

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLastLinesAreFitForATerminal(t *testing.T) {
	for printed, want := range map[string]string{
		"":                                 "",
		"one\n\n  two  \r\n":               "one\ntwo",
		"\x1b[1;31mred\x1b[0m\a":           `red\a`,
		"\x1b]0;title\x07shown":            `\x1b]0;title\ashown`,
		"\x1b]0;title\x1b\\shown":          `\x1b]0;title\x1b\shown`,
		"a\tb\x00c\u202ed":                 `a b\x00c\u202ed`,
		strings.Repeat("x", 300):           strings.Repeat("x", 200) + "…",
		strings.Repeat("y\n", 12) + "\xff": strings.Repeat("y\n", 9) + "\ufffd",
	} {
		if got := lastLines(strings.ToValidUTF8(printed, "\ufffd")); got != want {
			t.Errorf("%q is shown as %q, want %q", printed, got, want)
		}
	}
}

func FuzzLastLines(f *testing.F) {
	f.Add("plain\nlines\n")
	f.Add("\x1b[31mred\x1b[0m \x1b]8;;http://h\x1b\\link")
	f.Add("\x1b]\x1b[\x1b")
	f.Fuzz(func(t *testing.T, printed string) {
		got := lastLines(printed)
		if !utf8.ValidString(got) {
			t.Errorf("%q is not valid", got)
		}
		lines := strings.Split(got, "\n")
		if len(lines) > shownLines {
			t.Errorf("%d lines, want %d at most", len(lines), shownLines)
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > shownRunes+1 {
				t.Errorf("a line of %d characters, want %d at most", n, shownRunes)
			}
			for _, r := range line {
				if !unicode.IsPrint(r) {
					t.Errorf("%q does not print in %q", r, line)
				}
			}
		}
	})
}
