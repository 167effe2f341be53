package action

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// Ending is the state of a shutdown.
type Ending int

// States of a shutdown.
const (
	NotStopping Ending = iota
	Stopping           // asked for
	Draining           // under way
)

// Ending is how far a shutdown that was asked for has come.
func (o *Operator) Ending() Ending { return o.ending }

// act has the runtime run a one-off operation.
func (o *Operator) act(action control.Action, limit time.Duration) tea.Cmd {
	action.Actor = request.Actor
	return o.env.Call(func(ctx context.Context, ctl control.Controller) tea.Msg {
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		result, err := ctl.Act(ctx, action)
		return actedMsg{action, result, err}
	})
}

func (o *Operator) acted(msg actedMsg) tea.Cmd {
	if msg.action.Kind == control.Shutdown {
		return o.shutDown(msg.err)
	}
	if msg.err != nil {
		return o.env.Notify(component.Problem, o.problem(msg.err))
	}
	if t := o.Trial(); t != nil && (msg.action.Kind == control.Confirm || msg.action.Kind == control.Rollback) {
		o.trialOver = t.Until
	}
	o.queue.known = max(o.queue.known, msg.result.Generation)
	o.expect(msg.result)
	return tea.Batch(o.env.Notify(component.Done, msg.result.Message), o.env.LookSoon())
}

// shutDown goes on when the runtime has accepted to end. That the link breaks
// meanwhile is no error: it is what was asked for.
func (o *Operator) shutDown(err error) tea.Cmd {
	if err != nil && !errors.Is(err, control.ErrUnavailable) {
		o.ending = NotStopping
		return o.env.Notify(component.Problem, o.problem(err))
	}
	o.ending = Draining
	return o.env.LookSoon()
}

// HasEnded reports whether the runtime that was asked to end has done so. linkErr
// is why the link is down, nil while it is up.
func (o *Operator) HasEnded(linkErr error) bool {
	if o.ending != Draining {
		return false
	}
	if linkErr != nil || o.env.Data() == nil {
		return true
	}
	for i := range o.env.Data().Listeners {
		if o.env.Data().Listeners[i].State != control.StateStopped {
			return false
		}
	}
	return o.env.Data().Open() == 0
}

// askStop asks whether to stop everything.
func (o *Operator) askStop() tea.Cmd {
	d := dialog.Confirmation("stop everything?", "stop everything", o.stopConsequences())
	return o.ask(d, func(button int) tea.Cmd {
		if button != dialog.Confirm {
			return nil
		}
		return o.stopEverything()
	})
}

func (o *Operator) stopConsequences() []string {
	deadline := ""
	for i := range o.env.Data().Listeners {
		if l := &o.env.Data().Listeners[i]; l.Enabled {
			deadline = longer(deadline, l.Timeouts.Shutdown)
		}
	}
	d := o.stopped()
	out := []string{"closes " + words.Count(d.Connections, "connection") + " on " + words.Count(d.Listeners, "listener") + " and ends the runtime"}
	if d.Connections > 0 && deadline != "" {
		out = append(out, "current requests may finish within "+page.Brief(deadline))
	}
	return out
}

// stopped is what ends with everything.
func (o *Operator) stopped() control.Disruption {
	return control.Action{Kind: control.Shutdown}.Disrupts(o.env.Data().Snapshot)
}

func (o *Operator) stopEverything() tea.Cmd {
	o.ending = Stopping
	return tea.Batch(o.act(control.Action{Kind: control.Shutdown}, 0), o.env.LookSoon())
}

// Leave ends the cockpit. If the runtime was started for it, it asks what is to
// become of that; to go on is what enter chooses.
func (o *Operator) Leave() tea.Cmd {
	if !o.options.OwnsRuntime || o.refusal() != "" {
		return tea.Quit
	}
	ends := o.stopped()
	d := &component.Dialog{
		Title: "quit the cockpit",
		Body: []string{
			"this cockpit started the runtime, which can run without it",
			fmt.Sprintf("stopping everything closes %s on %s", words.Count(ends.Connections, "connection"), words.Count(ends.Listeners, "listener")),
		},
		Buttons: []component.Button{{Label: "keep running"}, {Label: "stop everything"}, {Label: "cancel"}},
		Cancel:  2,
	}
	return o.ask(d, func(button int) tea.Cmd {
		switch button {
		case 0:
			return tea.Quit
		case 1:
			return o.stopEverything()
		}
		return nil
	})
}

// askUpgrade asks whether to replace the running program by what lies at its path
// now.
func (o *Operator) askUpgrade() tea.Cmd {
	if u := o.env.Data().Upgrade; !u.Over() {
		return o.env.Notify(component.Note, fmt.Sprintf("already upgrading to %s: %s", u.To, u.State))
	}
	body := []string{
		"replaces version " + o.env.Data().Version + " with the program that is now at its path",
		"the new program is checked first; if it fails, the old one keeps running",
		"pid, sockets and counters stay; then workers are replaced one by one",
	}
	for i := range o.env.Data().Listeners {
		if l := &o.env.Data().Listeners[i]; l.Enabled && !l.Prefork {
			body = append(body, fmt.Sprintf("%s has no workers: its %s end %s", l.Name,
				words.Count(int(l.Connections.Active+l.Connections.Idle), "connection"), "within "+page.Brief(l.Timeouts.Shutdown)))
		}
	}
	return o.askAct("upgrade the runtime?", "upgrade", "upgrade", body[:min(len(body), 10)], control.Action{Kind: control.Replace}, upgradeTime)
}

// reload has the config file read again. What was changed by hand is asked
// about first: a reload keeps it, which is not what everybody expects.
func (o *Operator) reload() tea.Cmd {
	c := &o.env.Data().Config
	switch {
	case len(c.Overrides) > 0 && c.Path == "":
		return o.askDiscard(c.Overrides)
	case len(c.Overrides) > 0:
		return o.askReload(c.Overrides)
	case c.Path == "":
		return o.env.Notify(component.Note, "no config file, and nothing has changed since the start")
	}
	return o.actReload(false)
}

func (o *Operator) actReload(discard bool) tea.Cmd {
	return o.act(control.Action{Kind: control.Reload, Discard: discard}, applyTime)
}

func (o *Operator) askReload(overrides []string) tea.Cmd {
	d := &component.Dialog{
		Title: "reload the config file?", Body: []string{o.byHand(overrides)}, Danger: true,
		Buttons: []component.Button{{Label: "cancel"}, {Label: "reload and keep", Key: "k"}, {Label: "discard them", Key: "d"}},
	}
	return o.ask(d, func(button int) tea.Cmd {
		switch button {
		case 1:
			return o.actReload(false)
		case 2:
			return o.actReload(true)
		}
		return nil
	})
}

// askDiscard is for a runtime without a file: there is nothing to read again.
func (o *Operator) askDiscard(overrides []string) tea.Cmd {
	d := &component.Dialog{
		Title: "discard all changes since the start?", Body: []string{o.byHand(overrides)}, Danger: true,
		Buttons: []component.Button{{Label: "cancel"}, {Label: "discard them", Key: "d"}},
	}
	return o.ask(d, func(button int) tea.Cmd {
		if button != dialog.Confirm {
			return nil
		}
		return o.actReload(true)
	})
}

// named is how many paths a question names.
const named = 4

// byHand counts the values that were changed by hand and names the first few.
func (o *Operator) byHand(overrides []string) string {
	text := "1 value was changed by hand: "
	if len(overrides) != 1 {
		text = words.Count(len(overrides), "value") + " were changed by hand: "
	}
	if len(overrides) <= named {
		return text + strings.Join(overrides, ", ")
	}
	return text + strings.Join(overrides[:named], ", ") + ", " + o.env.Styles().Glyphs.Ellipsis
}
