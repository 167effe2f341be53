package printable_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/echterhof/rockstar-tui/internal/printable"
)

func TestTextShowsWhatATerminalWouldObey(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                              "",
		"web":                           "web",
		"größe · 日本語 🎸":                 "größe · 日本語 🎸",
		"a\x1b[2Jb":                     `a\x1b[2Jb`,
		"a\x1b]0;title\ab":              `a\x1b]0;title\ab`,
		"a\x1b]52;c;ZXZpbA==\x1b\\b":    `a\x1b]52;c;ZXZpbA==\x1b\b`,
		"a\x1b]0;all of it is shown":    `a\x1b]0;all of it is shown`,
		"\x1b[1;31mred\x1b[0m \x1b[m.":  "red .",
		"\x1b[3\x1b[1m1m":               `\x1b[31m`,
		"\x1b[38:2:1:2:3mtrue":          "true",
		"\x1b[31":                       `\x1b[31`,
		"a\u009b31mb":                   `a\u009b31mb`,
		"two\nlines\tand\ra tab\u2028.": "two lines and a tab .",
		"nul\x00bell\x07 del\x7f":       `nul\x00bell\a del\x7f`,
		"\u202eevil\u2066\u200b\ufeff":  `\u202eevil\u2066\u200b\ufeff`,
		"broken\xff\xfe\ufffd":          `broken\xff\xfe` + "\ufffd",
		"lone\x1b":                      `lone\x1b`,
		"👩‍👩‍👧‍👦 ❤️":                    "👩‍👩‍👧‍👦 ❤️",
		"\U000e0041tag\ue000\U000e0fff": `\U000e0041tag\ue000\U000e0fff`,
	} {
		if got := printable.Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLimitCutsBetweenCharacters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  plain \n":       "plain",
		"0123456789":       "0123456789",
		"0123456789abcdef": "0123456789…",
		"日本語日本語日本語日本語":     "日本語日本語日本語日…",
		"123456789\x1b[2J": `123456789\…`,
	} {
		if got := printable.Limit(in, 10); got != want {
			t.Errorf("Limit(%q, 10) = %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "web", "\x1b[2J", "\x1b[31mred", "\u009b31m", "a\r\nb", "\u202egpj.exe", "\xff\xfe",
		"naïve 世界 \\u001b", "\x1b]0;x\a", "\x1bP1;2q\x1b\\", "e\u0301", "👩‍👩‍👧‍👦"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := printable.Text(s)
		if !utf8.ValidString(got) {
			t.Errorf("Text(%q) = %q is not UTF-8", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || !printable.Rune(r) {
				t.Errorf("Text(%q) = %q has %U", s, got, r)
			}
		}
		if again := printable.Text(got); again != got {
			t.Errorf("Text(%q) = %q, and that again is %q", s, got, again)
		}
		if clean := strings.ToValidUTF8(s, ""); strings.IndexFunc(clean, func(r rune) bool { return !printable.Rune(r) }) < 0 && clean == s && got != s {
			t.Errorf("Text(%q) = %q, though there is nothing to do", s, got)
		}
	})
}
