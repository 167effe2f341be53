package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
)

// press gives a key to what lies on top.
func (m *model) press(k tea.KeyMsg) tea.Cmd {
	if m.toast != nil && m.toast.Tone == component.Problem {
		m.toast = nil
	}
	switch {
	case m.question != nil:
		return m.pressQuestion(k)
	case m.form != nil:
		return m.pressForm(k)
	case m.input != nil:
		return m.pressInput(k)
	case m.help:
		return m.pressHelp(k)
	}
	return m.pressScreen(k)
}

// pressScreen handles a key when nothing is open. What comes in one piece was
// pasted, or meant for another window: it moves the cursor at most.
func (m *model) pressScreen(k tea.KeyMsg) tea.Cmd {
	if k.Paste {
		return nil
	}
	if len(k.Runes) > 1 {
		m.pressHeld(k)
		return nil
	}
	if cmd, done := m.pressGlobal(k); done {
		return cmd
	}
	if m.data == nil {
		return nil
	}
	return m.grant(m.shown().Press(k))
}

// pressHeld handles a key that was held down: the same letter many times.
func (m *model) pressHeld(k tea.KeyMsg) {
	one := tea.KeyMsg{Type: tea.KeyRunes, Runes: k.Runes[:1]}
	for _, r := range k.Runes {
		if r != k.Runes[0] || !key.Matches(one, m.keys.Up, m.keys.Down) {
			return
		}
	}
	for range k.Runes {
		m.shown().Press(one)
	}
}

// pressGlobal handles the keys that are the same on every page.
func (m *model) pressGlobal(k tea.KeyMsg) (cmd tea.Cmd, done bool) {
	keys := m.keys
	switch {
	case key.Matches(k, keys.Quit):
		return m.leave(), true
	case key.Matches(k, keys.Stop):
		return m.askStop(), true
	case key.Matches(k, keys.Upgrade):
		return m.askUpgrade(), true
	case key.Matches(k, keys.Suspend):
		return m.suspend(), true
	case key.Matches(k, keys.Help):
		m.help, m.helpAt = true, 0
	case key.Matches(k, keys.Reload):
		return m.reload(), true
	case key.Matches(k, keys.Keep):
		return m.keep(), true
	case key.Matches(k, keys.TakeBack):
		return m.askTakeBack(), true
	case key.Matches(k, keys.Held):
		return m.askHeld(), true
	case key.Matches(k, keys.Filter):
		m.input = component.NewInput("/", m.shown().Filtered())
	case key.Matches(k, keys.First):
		m.tab, m.inside, m.deeper = 0, false, false
	case key.Matches(k, keys.Second):
		m.tab = 1
	case key.Matches(k, keys.Third):
		m.tab = 2
	case key.Matches(k, keys.Fourth):
		m.tab = configTab
	case key.Matches(k, keys.Next):
		m.tab = (m.tab + 1) % tabs
	case key.Matches(k, keys.Previous):
		m.tab = (m.tab + tabs - 1) % tabs
	case key.Matches(k, keys.Back):
		m.back()
	default:
		return nil, false
	}
	return nil, true
}

// back undoes the last step inward: a filter, then a listener, then a page.
func (m *model) back() {
	switch {
	case m.shown().Filtered() != "":
		m.shown().Filter("")
	case m.tab != 0:
		m.tab = 0
	case m.deeper:
		m.deeper = false
	default:
		m.inside = false
	}
}

// grant does what a page asks for.
func (m *model) grant(intent page.Intent) tea.Cmd {
	switch i := intent.(type) {
	case page.Open:
		m.workers.Of(i.Listener)
		m.inside, m.deeper = true, false
	case page.Toggle:
		return m.toggle(i.Listener)
	case page.Scale:
		return m.scale(i.Listener, i.By)
	case page.AskWorkers:
		return m.askWorkers(i.Listener)
	case page.AskTimeouts:
		return m.askTimeouts(i.Listener)
	case page.AskSettings:
		m.openSettings(i.Listener)
	case page.Restart:
		return m.askRestart(i.Listener, i.Worker)
	case page.ShowConnections:
		return m.askConnections(i.Listener)
	case page.Roll:
		return m.askRoll(i.Listener)
	case page.Extend:
		return m.extend(i)
	case page.DrainNow:
		return m.askDrainNow(i)
	case page.Unset:
		return m.unset(i.Path)
	case page.Write:
		return m.askWrite(i.Edits)
	case page.AskSetting:
		return m.askSetting(i.Path, i.Value)
	case page.ShowGeneration:
		return m.showGeneration(i.Generation)
	case page.GoBack:
		return m.goBack(i.Generation)
	}
	return nil
}

// suspend stops the cockpit until the shell brings it back. A stop goes to the
// whole process group; the runtime is in another one, unless it is embedded.
func (m *model) suspend() tea.Cmd {
	if m.opts.Embedded {
		return m.say(component.Note, "ctrl+z would stop the listeners too: they live in this process")
	}
	return tea.Suspend
}

// pressInput edits the filter, which is in effect while it is typed.
func (m *model) pressInput(k tea.KeyMsg) tea.Cmd {
	switch k.String() {
	case "enter":
		m.input = nil
		return nil
	case "esc", "ctrl+c":
		m.input = nil
		m.shown().Filter("")
		return nil
	}
	m.input.Press(k)
	m.shown().Filter(m.input.Value())
	return nil
}

func (m *model) pressHelp(k tea.KeyMsg) tea.Cmd {
	switch {
	case key.Matches(k, m.keys.Up):
		m.helpAt = max(0, m.helpAt-1)
	case key.Matches(k, m.keys.Down):
		m.helpAt++
	default:
		m.help = false
	}
	return nil
}
