package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is one thing wrong with a config, and where.
type Error struct {
	// File as given to [Parse]; empty when there is none, and in errors of [Config.With].
	File string `json:"file,omitempty"`
	// Path of the key as in [Edit], with the index of a list item as a word:
	// "listeners.web.routes.0.match". Empty for what concerns the whole file.
	Path string `json:"path,omitempty"`
	// Line and Column count from 1, columns in characters; 0 when there is no place.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message says what is wrong.
	Message string `json:"message"`
	// Hint says what would be right; may be empty.
	Hint string `json:"hint,omitempty"`
}

// Error says it all in one line:
//
//	my.yaml:4:7: listeners.web.timeouts.raed: unknown key, did you mean "read"?
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.place())
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(joinHint(e.Message, e.Hint))
	return b.String()
}

func (e *Error) place() string {
	switch {
	case e.File == "" && e.Line == 0:
		return ""
	case e.Line == 0:
		return e.File + ": "
	case e.File == "":
		return fmt.Sprintf("line %d:%d: ", e.Line, e.Column)
	}
	return fmt.Sprintf("%s:%d:%d: ", e.File, e.Line, e.Column)
}

func joinHint(message, hint string) string {
	switch {
	case hint == "":
		return message
	case strings.HasSuffix(hint, "?"):
		return message + ", " + hint
	}
	return message + "; " + hint
}

// Errors are all that is wrong with a config, in the order of their lines.
type Errors []*Error

// Error has one line per error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find an *[Error].
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// maxErrors bounds the work and the memory that a hopeless file can cause.
const maxErrors = 1000

// position in a file; the zero position is nowhere.
type position struct{ line, column int }

// report collects what is wrong.
type report struct {
	file string
	// places is false when positions mean nothing to the reader, because the
	// document is not, or is no longer, what a file says.
	places bool
	errors Errors
	more   bool
	// tainted holds the path of every error and all its ancestors, so that one
	// mistake is not reported again by those who look at its consequences.
	tainted map[string]bool
}

func (r *report) add(path []string, at position, f *fault) {
	if len(r.errors) == maxErrors {
		r.more = true
		return
	}
	r.taint(path)
	e := &Error{File: r.file, Path: joinPath(path), Message: f.message, Hint: f.hint}
	if r.places {
		e.Line, e.Column = at.line, at.column
	}
	r.errors = append(r.errors, e)
}

func (r *report) taint(path []string) {
	if r.tainted == nil {
		r.tainted = map[string]bool{}
	}
	for i := range path {
		r.tainted[joinPath(path[:i+1])] = true
	}
}

// sound tells that nothing was reported at path or below it.
func (r *report) sound(path ...string) bool {
	return len(r.tainted) == 0 || !r.tainted[joinPath(path)]
}

func (r *report) err() error {
	if len(r.errors) == 0 {
		return nil
	}
	all := slices.Clone(r.errors)
	slices.SortStableFunc(all, func(a, b *Error) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Path, b.Path))
	})
	if r.more {
		all = append(all, &Error{File: r.file, Message: "there are more errors than listed here"})
	}
	return all
}

// joinPath quotes words that a stranger wrote and that would not read as words.
func joinPath(path []string) string {
	words := make([]string, len(path))
	for i, word := range path {
		words[i] = word
		if !plainWord(word) {
			words[i] = strconv.Quote(shorten(word))
		}
	}
	return strings.Join(words, ".")
}

func plainWord(word string) bool {
	if word == "" || len(word) > 64 {
		return false
	}
	for _, c := range []byte(word) {
		if !isNameByte(c) {
			return false
		}
	}
	return true
}

func isNameByte(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
