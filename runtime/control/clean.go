package control

import (
	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// cleaned returns a copy of e whose texts can be printed.
func (e *Error) cleaned() *Error {
	c := &Error{
		Code: e.Code, Message: printable.Limit(e.Message, 2000), MessageCode: e.MessageCode, Args: cleanedArgs(e.Args),
		Details: make([]Detail, len(e.Details)),
	}
	if len(e.Details) == 0 {
		c.Details = nil
	}
	for i, d := range e.Details {
		c.Details[i] = Detail{
			Path: printable.Limit(d.Path, 500), File: printable.Limit(d.File, 1000), Line: d.Line, Column: d.Column,
			Message: printable.Limit(d.Message, 2000), Code: d.Code, Args: cleanedArgs(d.Args), Hint: printable.Limit(d.Hint, 500),
		}
	}
	return c
}

func cleanedArgs(args message.Args) message.Args {
	if args == nil {
		return nil
	}
	c := message.Args{}
	for name, a := range args {
		c[name] = message.Arg{Text: printable.Limit(a.Text, 2000), Messages: cleanedMessages(a.Messages)}
	}
	return c
}

func cleanedMessages(all []message.Message) []message.Message {
	if all == nil {
		return nil
	}
	c := make([]message.Message, len(all))
	for i, m := range all {
		c[i] = message.Message{Code: m.Code, Args: cleanedArgs(m.Args), Text: printable.Limit(m.Text, 2000)}
	}
	return c
}
