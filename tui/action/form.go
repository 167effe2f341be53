package action

import (
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// openForm opens a form about a listener, or about none. It stays until the change
// that it submits is made, or esc closes it.
func (o *Operator) openForm(form *component.Form, listener string, submit func(*dialog.Form) tea.Cmd) tea.Cmd {
	o.form = &dialog.Form{Form: form, Listener: listener, Base: o.queue.known, Submit: submit,
		Waits:  func() bool { return o.queue.flight != nil && o.queue.flight.FromForm },
		Closed: func() { o.form = nil },
	}
	o.env.Open(o.form)
	return nil
}

// closeForm closes the form if the change came from it.
func (o *Operator) closeForm(r request.Change) {
	if r.FromForm && o.form != nil {
		o.env.Close(o.form)
		o.form = nil
	}
}

// nothingChanges answers a form that was submitted as it was.
func (o *Operator) nothingChanges() tea.Cmd {
	o.closeForm(request.Change{FromForm: true})
	return o.env.Notify(component.Note, "nothing changes")
}
