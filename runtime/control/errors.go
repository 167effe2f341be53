package control

import (
	"errors"
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Error is an error that keeps its meaning across the wire.
type Error struct {
	// Code for machines, one of the Code constants.
	Code string `json:"code"`
	// Message for people, one line. MessageCode and Args are what it is made of;
	// without a code it comes from the system.
	Message     string       `json:"message"`
	MessageCode message.Code `json:"message_code,omitempty"`
	Args        message.Args `json:"args,omitempty"`
	// Details name each place that is wrong.
	Details []Detail `json:"details,omitempty"`
}

// Detail is one thing that is wrong in a config.
type Detail struct {
	Path   string `json:"path,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Message, and the code and arguments that it is made of; without a code it
	// comes from the system or from a config.
	Message string       `json:"message"`
	Code    message.Code `json:"code,omitempty"`
	Args    message.Args `json:"args,omitempty"`
	// Hint says what would be right.
	Hint string `json:"hint,omitempty"`
}

// Codes of an Error.
const (
	CodeConflict    = "conflict"
	CodeDenied      = "denied"
	CodeRefused     = "refused"
	CodeInvalid     = "invalid"
	CodeNotFound    = "not_found"
	CodeUnavailable = "unavailable"
	CodeUnsupported = "unsupported"
	CodeInternal    = "internal"
)

// Sentinels for errors.Is. An *Error matches the sentinel of its code.
var (
	ErrConflict    = errors.New("the state has changed meanwhile")
	ErrDenied      = errors.New("not allowed")
	ErrRefused     = errors.New("refused, nothing changed") // valid, but could not be put into effect
	ErrInvalid     = errors.New("invalid")                  // the change or config is wrong in itself
	ErrNotFound    = errors.New("not found")
	ErrUnavailable = errors.New("no runtime answers")
	ErrUnsupported = errors.New("not supported here")
	ErrInternal    = errors.New("internal error")
)

var sentinels = map[string]error{
	CodeConflict:    ErrConflict,
	CodeDenied:      ErrDenied,
	CodeRefused:     ErrRefused,
	CodeInvalid:     ErrInvalid,
	CodeNotFound:    ErrNotFound,
	CodeUnavailable: ErrUnavailable,
	CodeUnsupported: ErrUnsupported,
	CodeInternal:    ErrInternal,
}

// Fail returns an error of a code, such as [CodeConflict], with a text of the
// catalog and the values of its arguments, as [message.New] takes them.
func Fail(code string, text message.Code, values ...any) *Error {
	m := message.New(text, values...)
	return &Error{Code: code, Message: m.Text, MessageCode: m.Code, Args: m.Args}
}

// At says which path the error is about, as its one detail.
func (e *Error) At(path string) *Error {
	e.Details = []Detail{{Path: path, Message: e.Message, Code: e.MessageCode, Args: e.Args}}
	return e
}

// Text is what the error says, for a message that has it as an argument.
func (e *Error) Text() message.Message {
	return message.Message{Code: e.MessageCode, Args: e.Args, Text: e.Message}
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Is reports whether target is the sentinel of e's code.
func (e *Error) Is(target error) bool { return sentinels[e.Code] == target }

// Invalid turns the errors of a config into one that keeps every place that is
// wrong across the wire.
func Invalid(err error) *Error {
	out := &Error{Code: CodeInvalid, Message: err.Error()}
	var all config.Errors
	if !errors.As(err, &all) {
		return out
	}
	if len(all) > 1 {
		out.Message = fmt.Sprintf("%d errors, the first: %v", len(all), all[0])
	}
	for _, e := range all {
		out.Details = append(out.Details, Detail{
			Path: e.Path, File: e.File, Line: e.Line, Column: e.Column, Message: e.Message, Hint: e.Hint,
		})
	}
	return out
}

// Refused is [Invalid] for a file that is not good enough to replace what runs.
func Refused(err error) *Error {
	e := Invalid(err)
	e.Code = CodeRefused
	return e
}
