package action

import (
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// Trial is the one under way, nil if there is none. One that was ended from here
// is over, though the last snapshot may still have it.
func (o *Operator) Trial() *control.Trial {
	if o.env.Data() == nil || o.env.Data().Config.Trial == nil || o.env.Data().Config.Trial.Until.Equal(o.trialOver) {
		return nil
	}
	return o.env.Data().Config.Trial
}

// keep confirms the trial one sees, and not another that took its place.
func (o *Operator) keep() tea.Cmd {
	if o.Trial() == nil {
		return o.env.Notify(component.Note, noTrial)
	}
	return o.act(control.Action{Kind: control.Confirm, Base: o.Trial().Generation}, applyTime)
}

const noTrial = "no trial is running"

// askTakeBack asks before it ends the trial: to take back can end connections,
// just as the change did.
func (o *Operator) askTakeBack() tea.Cmd {
	if o.Trial() == nil {
		return o.env.Notify(component.Note, noTrial)
	}
	t := o.Trial()
	back := make([]config.Change, len(t.Changes))
	for i, c := range t.Changes {
		back[i] = config.Change{Path: c.Path, From: c.To, To: c.From, Effect: config.EffectOf(c.Path, c.To, c.From)}
	}
	d := dialog.Confirmation("roll the trial back?", "roll back", o.changesText(back, 8))
	d.Buttons[dialog.Cancel].Hint = "the trial continues"
	d.Buttons[dialog.Confirm].Hint = request.Command("rollback")
	action := control.Action{Kind: control.Rollback, Base: t.Generation}
	return o.ask(d, func(button int) tea.Cmd {
		if button != dialog.Confirm {
			return nil
		}
		return o.act(action, applyTime)
	})
}

// Buttons of the dialog about what is held.
const (
	acceptButton = dialog.Confirm
	rejectButton = acceptButton + 1
)

// askHeld shows the save that is held, and lets one decide.
func (o *Operator) askHeld() tea.Cmd {
	if o.env.Data() == nil || o.env.Data().Config.Held == nil {
		return o.env.Notify(component.Note, "no config change waits for approval")
	}
	h := o.env.Data().Config.Held
	body := []string{h.Reason}
	if h.Summary != "" {
		body = append(body, h.Summary)
	}
	body = append(body, o.changesText(h.Changes, 8)...)
	d := &component.Dialog{Title: "a config change waits for approval", Body: body, Danger: true,
		Buttons: []component.Button{{Label: "later", Hint: "it is not applied until somebody accepts it"}}}
	if why := o.refusal(); why != "" || h.Trial {
		d.Buttons[0] = component.Button{Label: "close"}
	} else {
		d.Buttons = append(d.Buttons,
			component.Button{Label: "accept", Key: "a", Hint: request.Command("held accept")},
			component.Button{Label: "reject", Key: "x", Hint: request.Command("held reject") + "; until the next save"})
	}
	return o.ask(d, func(button int) tea.Cmd {
		switch button {
		case acceptButton:
			return o.act(control.Action{Kind: control.AcceptHeld}, applyTime)
		case rejectButton:
			return o.act(control.Action{Kind: control.RejectHeld}, applyTime)
		}
		return nil
	})
}
