// Package dialog has what lies on top of a page and takes all keys: questions,
// forms, the help, a line to type in. They lie on each other in a [Stack].
package dialog

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/tui/component"
)

// Modal takes all keys while it is the uppermost.
type Modal interface {
	// HandleKey handles a key; close takes the modal off its stack.
	HandleKey(k tea.KeyMsg, close func()) tea.Cmd
	// View draws the modal in at most width by height cells. A modal that is
	// drawn elsewhere returns nothing.
	View(st *component.Styles, width, height int) []string
	// Keys are those that do something, for the footer.
	Keys() []key.Binding
}

// Stack holds the open modals. The zero value is empty.
type Stack struct{ modals []Modal }

// Top is the uppermost modal, nil if none is open.
func (s *Stack) Top() Modal {
	if len(s.modals) == 0 {
		return nil
	}
	return s.modals[len(s.modals)-1]
}

// Push opens a modal on top of the others.
func (s *Stack) Push(m Modal) { s.modals = append(s.modals, m) }

// Remove closes a modal, wherever it lies.
func (s *Stack) Remove(m Modal) {
	for i, open := range s.modals {
		if open == m {
			s.modals = append(s.modals[:i], s.modals[i+1:]...)
			return
		}
	}
}

// HandleKey gives a key to the uppermost modal, if there is one.
func (s *Stack) HandleKey(k tea.KeyMsg) tea.Cmd {
	top := s.Top()
	if top == nil {
		return nil
	}
	return top.HandleKey(k, func() { s.Remove(top) })
}

// shown is a key of the footer.
func shown(name, does string) key.Binding {
	return key.NewBinding(key.WithKeys(name), key.WithHelp(name, does))
}
