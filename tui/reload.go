package tui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// reload has the config file read again. What was changed by hand is asked
// about first: a reload keeps it, which is not what everybody expects.
func (m *model) reload() tea.Cmd {
	if why := m.refusal(); why != "" {
		return m.say(component.Problem, why)
	}
	c := &m.data.Config
	switch {
	case len(c.Overrides) > 0 && c.Path == "":
		return m.askDiscard(c.Overrides)
	case len(c.Overrides) > 0:
		return m.askReload(c.Overrides)
	case c.Path == "":
		return m.say(component.Note, "there is no config file, and nothing was changed since start")
	}
	return m.actReload(false)
}

func (m *model) actReload(discard bool) tea.Cmd {
	return m.act(control.Action{Kind: control.Reload, Discard: discard}, applyTime)
}

func (m *model) askReload(overrides []string) tea.Cmd {
	d := &component.Dialog{
		Title: "reload the config file?", Body: []string{m.byHand(overrides)}, Danger: true,
		Buttons: []component.Button{{Label: "cancel"}, {Label: "reload, keep them", Key: "k"}, {Label: "discard them", Key: "d"}},
	}
	return m.ask(d, func(button int) tea.Cmd {
		switch button {
		case 1:
			return m.actReload(false)
		case 2:
			return m.actReload(true)
		}
		return nil
	})
}

// askDiscard is for a runtime without a file: there is nothing to read again.
func (m *model) askDiscard(overrides []string) tea.Cmd {
	d := &component.Dialog{
		Title: "go back to how it was started?", Body: []string{m.byHand(overrides)}, Danger: true,
		Buttons: []component.Button{{Label: "cancel"}, {Label: "discard them", Key: "d"}},
	}
	return m.ask(d, func(button int) tea.Cmd {
		if button != confirmButton {
			return nil
		}
		return m.actReload(true)
	})
}

// named is how many paths a question names.
const named = 4

// byHand counts the values that were changed by hand and names the first few.
func (m *model) byHand(overrides []string) string {
	text := "1 value was changed by hand: "
	if len(overrides) != 1 {
		text = plural(len(overrides), "value") + " were changed by hand: "
	}
	if len(overrides) <= named {
		return text + strings.Join(overrides, ", ")
	}
	return text + strings.Join(overrides[:named], ", ") + ", " + m.st.Glyphs.Ellipsis
}
