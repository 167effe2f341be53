package render

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// ErrorLines are the lines that tell an error, each thing once. A message is
// made of its details: beside a single one it has nothing to add.
func ErrorLines(e *control.Error) []string {
	if len(e.Details) == 1 {
		if d := e.Details[0]; d.Message == e.Message {
			return []string{Detail(control.Detail{Message: d.Message, Hint: d.Hint})}
		} else if d.Path != "" || d.File != "" {
			return []string{Detail(d)}
		}
	}
	lines := []string{e.Message}
	for _, d := range e.Details {
		if s := Detail(d); s != e.Message {
			lines = append(lines, s)
		}
	}
	return lines
}

// Detail writes a detail as compilers do, for editors to jump to.
func Detail(d control.Detail) string {
	s := d.Message
	if d.Path != "" {
		s = d.Path + ": " + s
	}
	switch {
	case d.File != "" && d.Line > 0:
		s = fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, s)
	case d.File != "":
		s = d.File + ": " + s
	}
	if d.Hint != "" {
		s += " (" + d.Hint + ")"
	}
	return s
}
