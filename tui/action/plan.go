package action

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// trialTime is for how long a change is tried from here.
const trialTime = time.Minute

// More buttons of a confirmation of a change.
const (
	tryButton = dialog.Further + iota
	writeButton
)

// confirm asks whether to do what a plan says, for good, on trial, or in the
// file too. The harmless button has the focus; y, t and w open no dialog.
func (o *Operator) confirm(r request.Change, p *control.Plan) tea.Cmd {
	d := dialog.Confirmation(r.Title, r.Verb, o.planText(r, p))
	d.Danger = p.Disruptive()
	d.Buttons[dialog.Cancel].Hint = "changes nothing"
	d.Buttons[dialog.Confirm].Hint = r.Command("")
	d.Buttons = append(d.Buttons, component.Button{Label: "try for " + page.Brief(trialTime.String()), Key: "t",
		Hint: r.Command(" --confirm " + page.Brief(trialTime.String()))})
	if o.env.Data().Config.Path != "" && r.Writable() {
		d.Buttons = append(d.Buttons, component.Button{Label: r.Verb + " and write", Key: "w", Hint: r.Command(" --persist")})
	}
	return o.ask(d, func(button int) tea.Cmd {
		switch button {
		case dialog.Confirm:
			return o.apply(r, p.Generation)
		case tryButton:
			r.Confirm = trialTime
			return o.apply(r, p.Generation)
		case writeButton:
			r.Persist = true
			return o.apply(r, p.Generation)
		}
		o.queue.forget()
		return nil
	})
}

// planText is all that a person should know of a plan before saying yes. What
// may be regretted comes first, then what changes, then whom it concerns.
func (o *Operator) planText(r request.Change, p *control.Plan) []string {
	var out []string
	for _, warning := range p.Warnings {
		out = append(out, o.env.Styles().Glyphs.Degraded+" "+warning)
	}
	if r.FromForm || r.ShowPlan {
		out = append(out, o.changesText(p.Changes, 5)...)
	}
	out = append(out, consequences(p)...)
	out = append(out, staying(p)...)
	if n := p.Needs; n.Processes > 0 {
		out = append(out, fmt.Sprintf("needs %s, %s, about %d MiB", words.Count(n.Processes, "process"), words.Count(n.Descriptors, "descriptor"), n.MemoryBytes>>20))
	}
	return out
}

// changesText names values with what they were and will be, at most limit of them.
func (o *Operator) changesText(changes []config.Change, limit int) []string {
	var out []string
	for _, c := range changes[:min(len(changes), limit)] {
		out = append(out, fmt.Sprintf("%s: %s to %s, %s", c.Path, o.brief(c.From), o.brief(c.To), c.Effect))
	}
	if n := len(changes) - limit; n > 0 {
		out = append(out, fmt.Sprintf("%s and %d more", o.env.Styles().Glyphs.Ellipsis, n))
	}
	return out
}

// brief is a value that leaves room for others: a whole listener has a long one.
func (o *Operator) brief(value string) string {
	return component.Cut(OrNone(value), 48, o.env.Styles().Glyphs.Ellipsis)
}

// OrNone writes a value of a change, which may be absent, as a timeout would be
// written by hand.
func OrNone(value string) string {
	if value == "" {
		return "nothing"
	}
	return page.Brief(value)
}

// consequences says what a plan ends and what it leaves alone. What an update
// ends, it ends at once and for reasons of its own: the plan has the words.
func consequences(p *control.Plan) []string {
	var ended, cut, kept, retired, started int
	var out []string
	deadline := ""
	for _, l := range p.Listeners {
		if l.Action == "update" && l.Drained > 0 {
			out = append(out, l.Summary)
		} else {
			ended += l.Drained
		}
		kept, cut = kept+l.Kept, cut+l.Cut
		retired, started = retired+l.WorkersRetired, started+l.WorkersStarted
		deadline = longer(deadline, l.Deadline)
	}
	if retired > 0 {
		out = append(out, "retires "+words.Count(retired, "worker")+fates(p))
	}
	if started > 0 {
		out = append(out, "starts "+words.Count(started, "new worker"))
	}
	if ended > 0 {
		out = append(out, "closes "+words.Count(ended, "connection")+touched(p))
		if deadline != "" {
			out = append(out, "current requests may finish within "+page.Brief(deadline))
		}
		if cut > 0 {
			out = append(out, "cuts "+words.Count(cut, "connection")+" if still busy then")
		}
	} else if !drains(p) {
		out = append(out, "closes no connection")
	}
	if kept > 0 {
		out = append(out, "leaves "+words.Count(kept, "connection")+" open")
	}
	return out
}

// fates are the workers that a plan retires, if they are few: the rest is as many
// words as there are connections.
func fates(p *control.Plan) string {
	const few = 2
	var parts []string
	for _, l := range p.Listeners {
		for _, w := range l.Workers {
			if w.Action == control.WorkerRetired {
				parts = append(parts, fmt.Sprintf("%d (%d active, %d idle)", w.ID, w.Active, w.Idle))
			}
		}
	}
	if len(parts) == 0 || len(parts) > few {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// staying names the connections that a drain would have to wait for.
func staying(p *control.Plan) []string {
	const few = 4
	var out []string
	n := 0
	for _, l := range p.Listeners {
		for _, c := range l.LongLived {
			if n++; n <= few {
				out = append(out, strings.TrimSpace(fmt.Sprintf("may stay until then: %s %s %s %s", c.Peer, c.Protocol, c.Age, c.Request)))
			}
		}
		if len(l.LongLived) == 0 && l.OldestRequest != "" {
			out = append(out, "the oldest request has been running for "+l.OldestRequest)
		}
	}
	if n > few {
		out = append(out, fmt.Sprintf("and %d more", n-few))
	}
	return out
}

// drains reports whether a plan ends a connection.
func drains(p *control.Plan) bool {
	return slices.ContainsFunc(p.Listeners, func(l control.ListenerPlan) bool { return l.Drained > 0 })
}

func touched(p *control.Plan) string {
	if len(p.Listeners) == 1 {
		return " on " + p.Listeners[0].Name
	}
	return " on " + words.Count(len(p.Listeners), "listener")
}

func longer(a, b string) string {
	da, _ := time.ParseDuration(a)
	db, err := time.ParseDuration(b)
	if err == nil && db > da {
		return b
	}
	return a
}
