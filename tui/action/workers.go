package action

import (
	"context"
	"fmt"
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

// Times that actions on workers may take: to replace all of them takes each of
// them the time to start.
const (
	restartTime = 2 * time.Minute
	rollTime    = time.Hour
	upgradeTime = 2 * time.Minute
	// moreTime is given to a drain at once.
	moreTime = time.Minute
)

// askAct asks whether to do an action; command is the command line that does the same.
func (o *Operator) askAct(title, verb, command string, body []string, a control.Action, limit time.Duration) tea.Cmd {
	d := dialog.Confirmation(title, verb, body)
	d.Buttons[dialog.Cancel].Hint = "changes nothing"
	d.Buttons[dialog.Confirm].Hint = request.Command(command)
	return o.ask(d, func(button int) tea.Cmd {
		if button != dialog.Confirm {
			return nil
		}
		return o.act(a, limit)
	})
}

// askRestart asks whether to replace one worker.
func (o *Operator) askRestart(l *page.Listener, id int) tea.Cmd {
	name := l.Name
	if !l.Prefork {
		return o.env.Notify(component.Note, name+" has no workers: the master process serves it")
	}
	body := []string{"a new process is ready before the old one drains"}
	for _, w := range l.Workers {
		if w.ID == id && w.State != control.WorkerDraining {
			body = append(body, fmt.Sprintf("worker %d, pid %d: %d active and %d idle connections", id, w.PID, w.Connections.Active, w.Connections.Idle))
		}
	}
	body = append(body, within(l))
	return o.askAct(fmt.Sprintf("restart worker %d of %s?", id, name), "restart", fmt.Sprintf("restart %s/%d", request.Quote(name), id), body,
		control.Action{Kind: control.RestartWorker, Listener: name, Worker: id}, restartTime)
}

// askRoll asks whether to replace all workers, one after the other.
func (o *Operator) askRoll(l *page.Listener) tea.Cmd {
	name := l.Name
	if !l.Prefork {
		return o.env.Notify(component.Note, name+" has no workers: the master process serves it")
	}
	body := []string{
		fmt.Sprintf("%s one by one, each ready before the old one drains", words.Count(l.WorkersWanted, "worker")),
		within(l), "if one does not get ready, the restart stops; the rest keep running",
	}
	return o.askAct("restart all workers of "+name+"?", "restart", "restart "+request.Quote(name), body,
		control.Action{Kind: control.RestartWorkers, Listener: name}, rollTime)
}

// drain is what an action on a drain is about: the worker under the cursor if it
// drains, else all of the listener.
func drain(t page.Target) (a control.Action, subject string) {
	a = control.Action{Kind: control.DrainNow, Listener: t.Listener.Name, All: true}
	subject = request.Quote(t.Listener.Name)
	if t.Worker != nil && t.Worker.DrainDeadline != nil {
		a.Worker, a.All = t.Worker.ID, false
		subject = fmt.Sprintf("%s/%d", subject, t.Worker.ID)
	}
	return a, subject
}

// drains is what the end of a drain ends.
func (o *Operator) drains(a control.Action) control.Disruption {
	return a.Disrupts(o.env.Data().Snapshot)
}

// extend gives what drains more time, which disrupts nobody.
func (o *Operator) extend(t page.Target) tea.Cmd {
	a, _ := drain(t)
	if o.drains(a).Workers == 0 {
		return o.env.Notify(component.Note, a.Listener+": nothing is draining")
	}
	a.Kind, a.By = control.DrainExtend, config.Duration(moreTime)
	return o.act(a, planTime)
}

// askDrainNow asks whether to close what still drains.
func (o *Operator) askDrainNow(t page.Target) tea.Cmd {
	a, subject := drain(t)
	left := o.drains(a)
	if left.Workers == 0 {
		return o.env.Notify(component.Note, a.Listener+": nothing is draining")
	}
	body := []string{"closes " + words.Count(left.Connections, "connection") + " at once; their requests are lost",
		o.KeyOf("drain-extend") + " gives them " + page.Brief(moreTime.String()) + " more"}
	return o.askAct("end the drain of "+a.Listener+" now?", "end it", "drain "+subject+" --now", body, a, planTime)
}

// connectionsMsg are the busy connections of a listener, the oldest first.
type connectionsMsg struct {
	listener string
	page     *control.Page
	err      error
}

// askConnections fetches the connections that are busy: those that a drain would
// have to wait for.
func (o *Operator) askConnections(l *page.Listener) tea.Cmd {
	name := l.Name
	_, height := o.env.Room()
	limit := max(1, height-10)
	return o.env.Call(func(ctx context.Context, ctl control.Controller) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		p, err := ctl.Connections(ctx, control.Query{Listener: name, State: "active", Limit: limit})
		return connectionsMsg{name, p, err}
	})
}

// showConnections shows them, unless a question came first.
func (o *Operator) showConnections(msg connectionsMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		return o.env.Notify(component.Problem, o.problem(msg.err))
	case o.env.Top() != nil || o.env.Data() == nil:
		return nil
	case len(msg.page.Connections) == 0:
		return o.env.Notify(component.Note, msg.listener+": no busy connections")
	}
	var body []string
	width, _ := o.env.Room()
	for _, c := range msg.page.Connections {
		line := fmt.Sprintf("%-21s  %-9s  worker %-3d %5s  %s", c.Peer, c.Protocol, c.Worker, component.Ago(o.env.Data().Time.Sub(c.Since).Round(time.Second)), c.Request)
		body = append(body, component.Cut(strings.TrimSpace(line), width-6, o.env.Styles().Glyphs.Ellipsis))
	}
	if n := msg.page.Total - len(msg.page.Connections); n > 0 {
		body = append(body, fmt.Sprintf("and %d more", n))
	}
	return o.ask(&component.Dialog{Title: "busy connections of " + msg.listener + ", oldest first", Body: body,
		Buttons: []component.Button{{Label: "close", Hint: request.Command("connections --listener " + request.Quote(msg.listener) + " --state active")}},
	}, func(int) tea.Cmd { return nil })
}
