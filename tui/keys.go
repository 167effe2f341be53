package tui

import (
	"context"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/action"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/page"
)

// handleKey gives a key to what lies on top, else to the operator, else to the
// page. What comes in one piece was pasted, or meant for another window: it moves
// the cursor at most.
func (m *model) handleKey(k tea.KeyMsg) tea.Cmd {
	if m.toast != nil && m.toast.Tone == component.Problem {
		m.toast = nil
	}
	switch {
	case m.modals.Top() != nil:
		return m.modals.HandleKey(k)
	case k.Paste:
		return nil
	case len(k.Runes) > 1:
		m.repeat(k)
		return nil
	}
	if cmd, done := m.operator.HandleKey(k, m.target()); done {
		return cmd
	}
	if m.data != nil {
		m.shown().HandleKey(k)
	}
	return nil
}

// target is what is selected; nothing is before there is anything to see.
func (m *model) target() page.Target {
	if m.data == nil {
		return page.Target{}
	}
	return m.shown().Target()
}

// repeat handles a key that was held down: the same letter many times.
func (m *model) repeat(k tea.KeyMsg) {
	one := tea.KeyMsg{Type: tea.KeyRunes, Runes: k.Runes[:1]}
	for _, r := range k.Runes {
		if r != k.Runes[0] || !key.Matches(one, m.moves.Up, m.moves.Down) {
			return
		}
	}
	for range k.Runes {
		m.shown().HandleKey(one)
	}
}

// navigator moves between the pages of a model.
type navigator struct{ *model }

var _ action.Navigator = navigator{}

// Back undoes the last step inward: a filter, then a listener, then a page.
func (n navigator) Back() {
	switch {
	case n.shown().Filtered() != "":
		n.shown().Filter("")
	case n.tab != 0:
		n.tab = 0
	case n.deeper:
		n.deeper = false
	default:
		n.inside = false
	}
}

// OpenListener shows one listener.
func (n navigator) OpenListener(name string) {
	n.workers.Of(name)
	n.inside, n.deeper = true, false
}

// OpenSettings shows all settings of a listener.
func (n navigator) OpenSettings(name string) {
	n.settings.Of(name)
	n.workers.Of(name)
	n.inside, n.deeper = true, true
}

// GoTo shows a page; the first is the overview then.
func (n navigator) GoTo(tab int) {
	n.tab = tab
	if tab == 0 {
		n.inside, n.deeper = false, false
	}
}

// Turn goes to a page so many further.
func (n navigator) Turn(by int) { n.tab = (n.tab + by + tabs) % tabs }

// EditFilter opens the line that filters the page.
func (n navigator) EditFilter() {
	n.modals.Push(&dialog.Input{Input: component.NewInput("/", n.shown().Filtered()), Typed: n.shown().Filter})
}

// ShowHelp shows all keys.
func (n navigator) ShowHelp() {
	up, down := n.st.Glyphs.Up, n.st.Glyphs.Down
	n.modals.Push(&dialog.Help{Groups: n.operator.Help(), Up: n.moves.Up, Down: n.moves.Down,
		Scroll: key.NewBinding(key.WithHelp(up+down, "scroll"))})
}

// Suspend stops the cockpit until the shell brings it back. A stop goes to the
// whole process group; the runtime is in another one, unless it is embedded.
func (n navigator) Suspend() tea.Cmd {
	if n.opts.Embedded {
		return n.notify(component.Note, "ctrl+z would also stop the listeners, which run in this process")
	}
	return tea.Suspend
}

// Quit leaves the cockpit.
func (n navigator) Quit() tea.Cmd {
	if n.operator.Ending() == action.Draining {
		n.outcome = StopRuntime
	}
	return n.operator.Leave()
}

// environment is what actions know of a model.
type environment struct{ m *model }

var _ action.Env = environment{}

func (e environment) Data() *page.Data          { return e.m.data }
func (e environment) Lost() bool                { return e.m.lost }
func (e environment) Styles() *component.Styles { return e.m.st }
func (e environment) Room() (width, height int) { return e.m.width, e.m.bodyHeight() }
func (e environment) Top() dialog.Modal         { return e.m.modals.Top() }
func (e environment) Open(d dialog.Modal)       { e.m.modals.Push(d) }
func (e environment) Close(d dialog.Modal)      { e.m.modals.Remove(d) }

func (e environment) Notify(tone component.Tone, text string) tea.Cmd { return e.m.notify(tone, text) }

func (e environment) Call(f func(context.Context, control.Controller) tea.Msg) tea.Cmd {
	return e.m.call(f)
}

func (e environment) After(d time.Duration, f func(time.Time) tea.Msg) tea.Cmd {
	return e.m.after(d, f)
}

// LookSoon takes snapshots at the fast pace for ten ticks.
func (e environment) LookSoon() tea.Cmd {
	e.m.fastTicks = 10
	return e.m.tick(first)
}
