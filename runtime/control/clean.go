package control

import "github.com/echterhof/rockstar-tui/internal/printable"

// cleaned returns a copy of e whose texts can be printed.
func (e *Error) cleaned() *Error {
	c := &Error{Code: e.Code, Message: printable.Limit(e.Message, 2000), Details: make([]Detail, len(e.Details))}
	if len(e.Details) == 0 {
		c.Details = nil
	}
	for i, d := range e.Details {
		c.Details[i] = Detail{
			Path: printable.Limit(d.Path, 500), File: printable.Limit(d.File, 1000), Line: d.Line, Column: d.Column,
			Message: printable.Limit(d.Message, 2000), Hint: printable.Limit(d.Hint, 500),
		}
	}
	return c
}
