package tui

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// pastSeen tells which history was asked for: another one is there when one of
// these has changed.
type pastSeen struct {
	asked                bool
	born                 time.Time
	revision, generation uint64
	state, refusal       string
}

// Messages about the history.
type (
	pastMsg struct {
		all    []control.Generation
		failed string
	}
	generationMsg struct {
		change request.Change
		number uint64
		config string
		err    error
	}
)

// wantPast asks for the history while its page is shown and what it shows is old.
func (m *model) wantPast() tea.Cmd {
	if m.tab != configTab || m.data == nil || m.lost {
		return nil
	}
	c := &m.data.Config
	now := pastSeen{true, m.data.StartedAt, m.data.Revision, c.Generation, c.State, ""}
	if c.Error != nil {
		now.refusal = c.Error.Message
	}
	if now == m.past {
		return nil
	}
	m.past = now
	return m.do(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		all, err := m.ctl.History(ctx, control.HistoryQuery{})
		if err != nil {
			return pastMsg{failed: err.Error()}
		}
		return pastMsg{all: all}
	})
}

// unset takes a value back to what the file says.
func (m *model) unset(path string) tea.Cmd {
	return m.submit(request.Change{
		Patch: config.Patch{{Path: path, Unset: true}},
		Title: "take " + page.Short(path) + " back to what the file says?", Verb: "unset",
	})
}

// askWrite asks whether to write values that run into the config file.
func (m *model) askWrite(edits []control.Override) tea.Cmd {
	why := m.noChange()
	if why == "" && m.data.Config.Path == "" {
		why = "there is no config file to write to"
	}
	if why != "" {
		return m.say(component.Problem, why)
	}
	var r request.Change
	var changes []config.Change
	for _, e := range edits {
		r.Patch = append(r.Patch, config.Edit{Path: e.Path, Value: e.Value, Unset: e.Value == ""})
		changes = append(changes, config.Change{Path: e.Path, From: e.File, To: e.Value, Effect: "in the file"})
	}
	r.Persist, r.Base = true, m.changes.known
	file := filepath.Base(m.data.Config.Path)
	r.Done = "written to " + file
	body := append(m.changesText(changes, 8), "nothing else in the file is touched, and nothing that runs")
	d := confirmation("write "+plural(len(edits), "value")+" to "+file+"?", "write", body)
	d.Danger = false
	d.Buttons[cancelButton].Hint = "nothing is changed"
	d.Buttons[confirmButton].Hint = r.Command(" --persist")
	return m.ask(d, func(button int) tea.Cmd {
		if button != confirmButton {
			return nil
		}
		m.changes.flight = &r
		return m.apply(r, r.Base)
	})
}

// showGeneration shows what an entry of the history changed.
func (m *model) showGeneration(g control.Generation) tea.Cmd {
	body := []string{g.Message}
	if g.Reason != "" {
		body = append(body, "because: "+g.Reason)
	}
	if g.Actor != "" {
		body = append(body, "by "+g.Actor)
	}
	body = append(body, m.changesText(g.Changes, max(3, m.bodyHeight()-12))...)
	if len(g.Changes) == 0 {
		body = append(body, "no value was changed")
	}
	d := &component.Dialog{
		Title:   fmt.Sprintf("generation %d: %s, %s by %s", g.Number, g.Time.Format(time.DateTime), g.Result, g.Trigger),
		Body:    body,
		Buttons: []component.Button{{Label: "close", Hint: request.Command(fmt.Sprintf("config history %d", g.Number))}},
	}
	if g.Result == control.ResultApplied && m.refusal() == "" {
		d.Buttons = append(d.Buttons, component.Button{Label: "go back to it" + m.st.Glyphs.Ellipsis, Key: "b", Hint: "shows first what that would do"})
	}
	return m.ask(d, func(button int) tea.Cmd {
		if button != confirmButton {
			return nil
		}
		return m.goBack(g)
	})
}

// goBack fetches a config of the history, to plan and ask about it.
func (m *model) goBack(g control.Generation) tea.Cmd {
	why := m.noChange()
	switch {
	case why != "":
		return m.say(component.Problem, why)
	case g.Result != control.ResultApplied:
		return m.say(component.Note, fmt.Sprintf("generation %d was %s: there is nothing to go back to", g.Number, g.Result))
	case g.Number == m.data.Config.Generation:
		return m.say(component.Note, fmt.Sprintf("generation %d is what runs", g.Number))
	}
	r := request.Change{Generation: g.Number, ShowPlan: true, Base: m.changes.known,
		Title: fmt.Sprintf("go back to generation %d?", g.Number), Verb: "go back"}
	return m.do(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		all, err := m.ctl.History(ctx, control.HistoryQuery{Number: r.Generation, Config: true})
		if err != nil || len(all) == 0 {
			return generationMsg{r, r.Generation, "", err}
		}
		return generationMsg{r, r.Generation, all[0].Config, nil}
	})
}

// generation goes on with a config of the history.
func (m *model) generation(msg generationMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		return m.say(component.Problem, m.problem(msg.err))
	case msg.config == "":
		return m.say(component.Problem, fmt.Sprintf("generation %d has no config any more", msg.number))
	}
	msg.change.Config = msg.config
	return m.submit(msg.change)
}
