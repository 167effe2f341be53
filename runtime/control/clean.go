package control

import (
	"strings"
	"unicode"
)

// clean makes a text from outside fit for one line of a log, an event or a
// terminal: control and formatting characters, escape sequences and reordering
// marks among them, become spaces, bytes that are not UTF-8 become U+FFFD, and
// what exceeds limit characters is cut.
func clean(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == limit {
			b.WriteRune('…')
			break
		}
		b.WriteRune(printable(r))
		n++
	}
	return strings.TrimSpace(b.String())
}

func printable(r rune) rune {
	if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) {
		return ' '
	}
	return r
}

// cleaned returns a copy of e whose texts can be printed.
func (e *Error) cleaned() *Error {
	c := &Error{Code: e.Code, Message: clean(e.Message, 2000), Details: make([]Detail, len(e.Details))}
	if len(e.Details) == 0 {
		c.Details = nil
	}
	for i, d := range e.Details {
		c.Details[i] = Detail{
			Path: clean(d.Path, 500), File: clean(d.File, 1000), Line: d.Line, Column: d.Column,
			Message: clean(d.Message, 2000), Hint: clean(d.Hint, 500),
		}
	}
	return c
}
