package action

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// generationMsg is an entry of the history with its config.
type generationMsg struct {
	change request.Change
	number uint64
	config string
	err    error
}

// showGeneration shows what an entry of the history changed.
func (o *Operator) showGeneration(g control.Generation) tea.Cmd {
	_, height := o.env.Room()
	body := []string{g.Message}
	if g.Reason != "" {
		body = append(body, "because: "+g.Reason)
	}
	if g.Actor != "" {
		body = append(body, "by "+g.Actor)
	}
	body = append(body, o.changesText(g.Changes, max(3, height-12))...)
	if len(g.Changes) == 0 {
		body = append(body, "no value changed")
	}
	d := &component.Dialog{
		Title:   fmt.Sprintf("%s: %s, %s by %s", g.Name(), g.Time.Format(time.DateTime), g.Outcome(), g.Trigger),
		Body:    body,
		Buttons: []component.Button{{Label: "close", Hint: request.Command(strings.TrimSpace("config history " + numberOf(g)))}},
	}
	if g.Result == control.ResultApplied && o.refusal() == "" {
		d.Buttons = append(d.Buttons, component.Button{Label: "roll back to it" + o.env.Styles().Glyphs.Ellipsis, Key: "b", Hint: "shows first what would change"})
	}
	return o.ask(d, func(button int) tea.Cmd {
		if button != dialog.Confirm {
			return nil
		}
		return o.goBack(g)
	})
}

// numberOf a generation; empty of an attempt, which has none.
func numberOf(g control.Generation) string {
	if g.Number == 0 {
		return ""
	}
	return fmt.Sprint(g.Number)
}

// goBack fetches a config of the history, to plan and ask about it.
func (o *Operator) goBack(g control.Generation) tea.Cmd {
	switch {
	case g.Result != control.ResultApplied:
		return o.env.Notify(component.Note, fmt.Sprintf("%s was %s and never ran", g.Name(), g.Result))
	case g.Number == o.env.Data().Config.Generation:
		return o.env.Notify(component.Note, fmt.Sprintf("generation %d is running", g.Number))
	}
	r := request.Change{Generation: g.Number, ShowPlan: true, Base: o.queue.known,
		Title: fmt.Sprintf("roll back to generation %d?", g.Number), Verb: "roll back"}
	return o.env.Call(func(ctx context.Context, ctl control.Controller) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		all, err := ctl.History(ctx, control.HistoryQuery{Number: r.Generation, Config: true})
		if err != nil || len(all) == 0 {
			return generationMsg{r, r.Generation, "", err}
		}
		return generationMsg{r, r.Generation, all[0].Config, nil}
	})
}

// generation goes on with a config of the history.
func (o *Operator) generation(msg generationMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		return o.env.Notify(component.Problem, o.problem(msg.err))
	case msg.config == "":
		return o.env.Notify(component.Problem, fmt.Sprintf("the config of generation %d is no longer kept", msg.number))
	}
	msg.change.Config = msg.config
	return o.submit(msg.change)
}
