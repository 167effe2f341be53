package dialog

import (
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/tui/component"
)

// After is [tea.Tick], or a clock of a test.
type After func(time.Duration, func(time.Time) tea.Msg) tea.Cmd

// GuardTime is how long a question must have been left alone before it takes keys.
const GuardTime = 300 * time.Millisecond

// Question is a dialog, and what its buttons do.
type Question struct {
	*component.Dialog
	answer func(button int) tea.Cmd
	after  After
	guards int // how often the guard has begun
}

// Ask returns a question and the command that starts its guard.
func Ask(d *component.Dialog, after After, answer func(button int) tea.Cmd) (*Question, tea.Cmd) {
	q := &Question{Dialog: d, answer: answer, after: after}
	return q, q.startGuard()
}

// ArmedMsg ends a guard, unless another one has begun since.
type ArmedMsg struct {
	question *Question
	guard    int
}

// Arm makes the question take keys.
func (m ArmedMsg) Arm() {
	if m.guard == m.question.guards {
		m.question.Dialog.Arm()
	}
}

func (q *Question) startGuard() tea.Cmd {
	q.guards++
	armed := ArmedMsg{q, q.guards}
	return q.after(GuardTime, func(time.Time) tea.Msg { return armed })
}

// HandleKey presses buttons. A key that comes too early starts the guard again:
// whoever types has not read the question.
func (q *Question) HandleKey(k tea.KeyMsg, close func()) tea.Cmd {
	if !q.Armed() {
		return q.startGuard()
	}
	button := q.Press(k)
	if button < 0 {
		return nil
	}
	close()
	return q.answer(button)
}

// View draws the dialog.
func (q *Question) View(st *component.Styles, width, height int) []string {
	return q.Lines(st, width, height)
}

// Keys of every question.
func (q *Question) Keys() []key.Binding {
	return []key.Binding{shown("enter", q.Buttons[q.Focus].Label), shown("tab", "next"), shown("esc", "cancel")}
}

// Buttons of a [Confirmation].
const (
	Cancel = iota
	Confirm
	Further // the first of those that are added
)

// Confirmation asks before something is done; cancel has the focus, and y does it.
func Confirmation(title, verb string, body []string) *component.Dialog {
	return &component.Dialog{
		Title: title, Body: body, Danger: true,
		Buttons: []component.Button{{Label: "cancel"}, {Label: verb, Key: "y"}},
		Focus:   Cancel, Cancel: Cancel,
	}
}
