package dialog

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/tui/component"
)

// planKey submits a form and asks in any case, with the plan and with other ways
// to make the change than at once.
const planKey = "ctrl+t"

// Form is a form, the listener it is about, and the generation its values are of.
type Form struct {
	*component.Form
	Listener string
	Base     uint64
	// Submit is called with the form when its values are to be applied.
	Submit func(*Form) tea.Cmd
	// Waits reports whether something that was submitted is under way: the form
	// then takes no key but esc. Nil is never.
	Waits func() bool
	// Closed is called when esc has closed the form.
	Closed func()
	// ShowPlan says that it was submitted to see the plan first.
	ShowPlan bool
}

// HandleKey edits, submits or closes the form. A submitted form stays until its
// change is made.
func (f *Form) HandleKey(k tea.KeyMsg, close func()) tea.Cmd {
	if k.Type != tea.KeyEsc && f.Waits != nil && f.Waits() {
		return nil
	}
	f.ShowPlan = k.String() == planKey
	if f.ShowPlan {
		k = tea.KeyMsg{Type: tea.KeyEnter}
	}
	switch f.Press(k) {
	case component.Cancelled:
		close()
		f.Closed()
	case component.Submitted:
		return f.Submit(f)
	}
	return nil
}

// View draws the form.
func (f *Form) View(st *component.Styles, width, height int) []string {
	return f.Lines(st, width, height)
}

// Keys of every form.
func (f *Form) Keys() []key.Binding {
	return []key.Binding{shown("enter", "apply"), shown(planKey, "plan, try, write"), shown("tab", "next"), shown("esc", "cancel")}
}
