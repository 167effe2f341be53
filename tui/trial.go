package tui

import (
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// trial is the one under way, nil if there is none. One that was ended from here
// is over, though the last snapshot may still have it.
func (m *model) trial() *control.Trial {
	if m.data == nil || m.data.Config.Trial == nil || m.data.Config.Trial.Until.Equal(m.trialOver) {
		return nil
	}
	return m.data.Config.Trial
}

// trialBanner is on every page for as long as a trial is under way: what is
// tried, for how long still, and what becomes of it if nobody does anything.
func (m *model) trialBanner() []string {
	t := m.trial()
	if t == nil {
		return nil
	}
	left := page.Left(t.Until.Sub(m.data.Time)) + " left"
	if m.lost {
		left = "until " + t.Until.Format(time.TimeOnly)
	}
	head := m.st.Glyphs.Starting + " on trial, " + left
	keys := fmt.Sprintf("%s keeps it, %s takes it back", m.keys.Keep.Help().Key, m.keys.TakeBack.Help().Key)
	if m.compact() {
		return []string{m.banner(m.st.Notice, head+": "+m.tried(t.Changes))}
	}
	if t.Actor != "" {
		head += ", by " + t.Actor
	}
	head += ": " + m.tried(t.Changes)
	if t.Reason != "" {
		head += " (" + t.Reason + ")"
	}
	out := []string{m.banner(m.st.Notice, head)}
	for _, l := range component.Wrap(keys+"; "+m.fate(t), m.width-4, 2, m.st.Glyphs.Ellipsis) {
		out = append(out, m.banner(m.st.Notice, "  "+l))
	}
	if t.Error != "" {
		out = append(out, m.banner(m.st.Alarm, m.st.Glyphs.Failed+" it cannot be taken back, which is tried again and again: "+t.Error))
	}
	return out
}

// fate is what becomes of a trial by itself.
func (m *model) fate(t *control.Trial) string {
	text := "when the time is up it is taken back by itself"
	if t.Guard != nil {
		text += ", or after " + t.Guard.String()
	}
	if t.Persist {
		text += "; kept, it is written to the file"
	}
	return text
}

// tried names the first value on trial.
func (m *model) tried(changes []config.Change) string {
	if len(changes) == 0 {
		return "a change"
	}
	c := changes[0]
	text := fmt.Sprintf("%s is %s", page.Short(c.Path), orNone(c.To))
	if n := len(changes) - 1; n > 0 {
		text += fmt.Sprintf(" (+%d more)", n)
	}
	return text
}

// keep confirms the trial one sees, and not another that took its place.
func (m *model) keep() tea.Cmd {
	if why := m.noTrial(); why != "" {
		return m.say(component.Note, why)
	}
	return m.act(control.Action{Kind: control.Confirm, Base: m.trial().Revision}, applyTime)
}

func (m *model) noTrial() string {
	if why := m.refusal(); why != "" {
		return why
	}
	if m.trial() == nil {
		return "nothing is on trial"
	}
	return ""
}

// askTakeBack asks before it ends the trial: to take back can end connections,
// just as the change did.
func (m *model) askTakeBack() tea.Cmd {
	if why := m.noTrial(); why != "" {
		return m.say(component.Note, why)
	}
	t := m.trial()
	back := make([]config.Change, len(t.Changes))
	for i, c := range t.Changes {
		back[i] = config.Change{Path: c.Path, From: c.To, To: c.From, Effect: config.EffectOf(c.Path, c.To, c.From)}
	}
	d := confirmation("take the trial back?", "take back", m.changesText(back, 8))
	d.Buttons[cancelButton].Hint = "the trial goes on"
	d.Buttons[confirmButton].Hint = request.Command("rollback")
	action := control.Action{Kind: control.Rollback, Base: t.Revision}
	return m.ask(d, func(button int) tea.Cmd {
		if button != confirmButton {
			return nil
		}
		return m.act(action, applyTime)
	})
}

// heldBanner tells of a save of the config file that waits.
func (m *model) heldBanner() []string {
	h := m.data.Config.Held
	if h == nil {
		return nil
	}
	text := m.st.Glyphs.Degraded + " a save of the config file is held: " + h.Reason
	if m.compact() {
		return []string{m.banner(m.st.Notice, text)}
	}
	then := m.keys.Held.Help().Key + " shows it, to accept or to reject"
	if h.Trial {
		then = "it takes effect when the trial is over; " + m.keys.Held.Help().Key + " shows it"
	}
	return []string{m.banner(m.st.Notice, text), m.banner(m.st.Notice, "  "+then)}
}

// Buttons of the dialog about what is held.
const (
	acceptButton = confirmButton
	rejectButton = acceptButton + 1
)

// askHeld shows the save that is held, and lets one decide.
func (m *model) askHeld() tea.Cmd {
	if m.data == nil || m.data.Config.Held == nil {
		return m.say(component.Note, "no save of the config file is held")
	}
	h := m.data.Config.Held
	body := []string{h.Reason}
	if h.Summary != "" {
		body = append(body, h.Summary)
	}
	body = append(body, m.changesText(h.Changes, 8)...)
	d := &component.Dialog{Title: "a save of the config file is held", Body: body, Danger: true,
		Buttons: []component.Button{{Label: "later", Hint: "it stays unapplied until somebody decides"}}}
	if why := m.refusal(); why != "" || h.Trial {
		d.Buttons[0] = component.Button{Label: "close"}
	} else {
		d.Buttons = append(d.Buttons,
			component.Button{Label: "accept", Key: "a", Hint: request.Command("held accept")},
			component.Button{Label: "reject", Key: "x", Hint: request.Command("held reject") + "; until it is saved again"})
	}
	return m.ask(d, func(button int) tea.Cmd {
		switch button {
		case acceptButton:
			return m.act(control.Action{Kind: control.AcceptHeld}, applyTime)
		case rejectButton:
			return m.act(control.Action{Kind: control.RejectHeld}, applyTime)
		}
		return nil
	})
}
