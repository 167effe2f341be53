package dialog

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/tui/component"
)

// Input is a line to type in, in place of the footer. What is typed is in effect
// while it is typed.
type Input struct {
	*component.Input
	// Typed is called with the value after each key, empty when it is given up.
	Typed func(value string)
}

// HandleKey edits the line.
func (i *Input) HandleKey(k tea.KeyMsg, close func()) tea.Cmd {
	switch k.String() {
	case "enter":
		close()
	case "esc", "ctrl+c":
		close()
		i.Typed("")
	default:
		i.Press(k)
		i.Typed(i.Value())
	}
	return nil
}

// View is nothing: the line is drawn as the footer.
func (i *Input) View(*component.Styles, int, int) []string { return nil }

// Keys are none: there is no room for them.
func (i *Input) Keys() []key.Binding { return nil }
