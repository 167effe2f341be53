package dialog

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/tui/component"
)

// Help shows all keys.
type Help struct {
	Groups []component.KeyGroup
	// Up and Down scroll, and Scroll stands for both in the footer.
	Up, Down, Scroll key.Binding

	from int // the first line shown
}

// HandleKey scrolls; every other key closes the help.
func (h *Help) HandleKey(k tea.KeyMsg, close func()) tea.Cmd {
	switch {
	case key.Matches(k, h.Up):
		h.from = max(0, h.from-1)
	case key.Matches(k, h.Down):
		h.from++
	default:
		close()
	}
	return nil
}

// View draws the keys.
func (h *Help) View(st *component.Styles, width, height int) []string {
	box, total := component.KeyHelp(st, h.Groups, width, height, h.from)
	h.from = max(0, min(h.from, total-len(box)+2))
	return box
}

// Keys of the help.
func (h *Help) Keys() []key.Binding {
	return []key.Binding{shown("esc", "close"), shown(h.Scroll.Help().Key, "scroll")}
}
