package component

import (
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"
)

// Input is a line to type in, after a prompt.
type Input struct {
	Prompt string

	input textinput.Model
}

// NewInput returns an Input with a value and the cursor at its end.
func NewInput(prompt, value string) *Input {
	in := newInput(value)
	in.Focus()
	return &Input{Prompt: prompt, input: in}
}

// Value typed so far.
func (i *Input) Value() string { return i.input.Value() }

// Press edits the value.
func (i *Input) Press(k tea.KeyMsg) { i.input, _ = i.input.Update(k) }

// Line draws the input in width cells.
func (i *Input) Line(st *Styles, width int) string {
	room := max(1, width-Width(i.Prompt))
	return st.Accent.Render(i.Prompt) + inputView(st, &i.input, true, room)
}
