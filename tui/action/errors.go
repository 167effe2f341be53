package action

import (
	"context"
	"errors"
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// problem is an error in words for an operator.
func (o *Operator) problem(err error) string {
	text := explain(err)
	switch {
	case errors.Is(err, control.ErrConflict) && o.env.Data() != nil && o.env.Data().Config.Trial != nil:
		return text
	case errors.Is(err, control.ErrConflict):
		if who := o.lastActor(); who != "" {
			return "changed meanwhile by " + who + "; check and try again"
		}
		return "changed meanwhile: " + text + "; check and try again"
	case errors.Is(err, control.ErrDenied):
		return "not allowed: " + text
	case errors.Is(err, control.ErrRefused):
		return "refused, nothing changed: " + text
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time; the listeners show whether it happened"
	}
	return text
}

// explain adds to an error the first of its details and what would be right.
func explain(err error) string {
	text := err.Error()
	var e *control.Error
	if !errors.As(err, &e) || len(e.Details) == 0 {
		return text
	}
	d := e.Details[0]
	for _, more := range []struct{ sep, text string }{{": ", d.Message}, {", ", d.Hint}} {
		if !strings.Contains(text, more.text) {
			text += more.sep + more.text
		}
	}
	return text
}

// lastActor made the newest change that is not of this cockpit, as far as the
// snapshot tells.
func (o *Operator) lastActor() string {
	if o.env.Data() == nil {
		return ""
	}
	for i := len(o.env.Data().Events) - 1; i >= 0; i-- {
		if a := o.env.Data().Events[i].Actor; a != "" {
			return a
		}
	}
	return ""
}
