// Package printable makes texts from outside fit for one line of a terminal, a log
// or a message.
//
// A client chooses the path of a request, a backend the text of an error, a worker
// what it prints. A terminal obeys some of the characters in them: it moves the
// cursor, sets the title or the clipboard, writes from right to left, hides what
// follows. There is one rule for all places that show such texts:
//
//   - Tabs and ends of lines become spaces.
//   - Colours (ESC [ … m), which programs print in good faith, go.
//   - Every other control character, and every character that has no shape of its
//     own, becomes visible as in a string of Go: \x1b, \u202e. So does a byte that
//     is not UTF-8: \xff. Only the joiner that holds an emoji together stays.
//
// Nothing else goes: a text cannot hide another one behind it. No library does this;
// those that strip escape sequences swallow the rest of a text behind one that does
// not end.
package printable

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is s on one line, without anything a terminal would obey. Applied again it
// changes nothing more.
func Text(s string) string {
	if isASCII(s) || utf8.ValidString(s) && strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\x1b' && colour(s[i:]) > 0:
			size = colour(s[i:])
		case breaksLine(r):
			b.WriteByte(' ')
		case unprintable(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// Limit is [Text] of s without space around it, cut to so many characters; an
// ellipsis then follows them.
func Limit(s string, characters int) string {
	s = strings.TrimSpace(Text(s))
	n := 0
	for i := range s {
		if n == characters {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// Rune reports whether [Text] leaves r as it is.
func Rune(r rune) bool { return !unprintable(r) }

// isASCII is the fast way out for nearly everything.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func unprintable(r rune) bool {
	const joiner = '\u200d'
	switch {
	case r <= '~':
		return r < ' '
	case r == joiner:
		return false
	case r >= 0xE0000 && r <= 0xE0FFF: // tags and selectors, also those to come
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}

func breaksLine(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// colour is the length of the colour sequence at the start of s, 0 if there is none.
func colour(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	end := 2
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == ';' || s[end] == ':') {
		end++
	}
	if end < len(s) && s[end] == 'm' {
		return end + 1
	}
	return 0
}
