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
func (m *model) askAct(title, verb, command string, body []string, a control.Action, limit time.Duration) tea.Cmd {
	d := confirmation(title, verb, body)
	d.Buttons[cancelButton].Hint = "nothing is changed"
	d.Buttons[confirmButton].Hint = request.Command(command)
	return m.ask(d, func(button int) tea.Cmd {
		if button != confirmButton {
			return nil
		}
		m.fastTicks = 10
		return m.act(a, limit)
	})
}

// askRestart asks whether to replace one worker.
func (m *model) askRestart(name string, id int) tea.Cmd {
	l := m.data.Listener(name)
	if why := m.refusal(); why != "" || l == nil {
		return m.say(component.Problem, why)
	}
	if !l.Prefork {
		return m.say(component.Note, name+" is served in the master process, which is not restarted")
	}
	body := []string{"a new process is ready before the old one drains"}
	for _, w := range l.Workers {
		if w.ID == id && w.State != control.WorkerDraining {
			body = append(body, fmt.Sprintf("worker %d, pid %d: %d active and %d idle connections", id, w.PID, w.Connections.Active, w.Connections.Idle))
		}
	}
	body = append(body, within(l))
	return m.askAct(fmt.Sprintf("restart worker %d of %s?", id, name), "restart", fmt.Sprintf("restart %s/%d", request.Quote(name), id), body,
		control.Action{Kind: control.RestartWorker, Listener: name, Worker: id}, restartTime)
}

// within tells how long what is under way may take.
func within(l *page.Listener) string {
	if l.Timeouts.Shutdown == "0s" {
		return "requests under way may finish"
	}
	return "requests under way may finish, within " + page.Brief(l.Timeouts.Shutdown)
}

// askRoll asks whether to replace all workers, one after the other.
func (m *model) askRoll(name string) tea.Cmd {
	l := m.data.Listener(name)
	if why := m.refusal(); why != "" || l == nil {
		return m.say(component.Problem, why)
	}
	if !l.Prefork {
		return m.say(component.Note, name+" is served in the master process, which is not restarted")
	}
	body := []string{
		fmt.Sprintf("%s one after the other, each ready before the old one drains", plural(l.WorkersWanted, "worker")),
		within(l), "it ends with the first that does not get ready; the rest go on as before",
	}
	return m.askAct("restart all workers of "+name+"?", "restart", "restart "+request.Quote(name), body,
		control.Action{Kind: control.RestartWorkers, Listener: name}, rollTime)
}

// extend gives what drains more time, which harms nobody.
func (m *model) extend(i page.Extend) tea.Cmd {
	if why := m.refusal(); why != "" {
		return m.say(component.Problem, why)
	}
	if n, _ := stillDraining(m.data.Listener(i.Listener), i.All, i.Worker); n == 0 {
		return m.say(component.Note, i.Listener+": nothing drains")
	}
	return m.act(control.Action{Kind: control.DrainExtend, Listener: i.Listener, Worker: i.Worker, All: i.All, By: config.Duration(moreTime)}, planTime)
}

// stillDraining counts the workers that drain, all or one, and their connections.
func stillDraining(l *page.Listener, all bool, id int) (n int, open uint64) {
	if l == nil {
		return 0, 0
	}
	for _, w := range l.Workers {
		if w.DrainDeadline != nil && (all || w.ID == id) {
			n, open = n+1, open+w.Connections.Active+w.Connections.Idle
		}
	}
	return n, open
}

// askDrainNow asks whether to close what still drains.
func (m *model) askDrainNow(i page.DrainNow) tea.Cmd {
	l := m.data.Listener(i.Listener)
	if why := m.refusal(); why != "" || l == nil {
		return m.say(component.Problem, why)
	}
	n, left := stillDraining(l, i.All, i.Worker)
	if n == 0 {
		return m.say(component.Note, i.Listener+": nothing drains")
	}
	subject := request.Quote(i.Listener)
	if !i.All {
		subject = fmt.Sprintf("%s/%d", subject, i.Worker)
	}
	body := []string{"closes " + plural(int(left), "connection") + " at once, requests under way are lost",
		m.keys.Extend.Help().Key + " would give them " + page.Brief(moreTime.String()) + " more"}
	return m.askAct("end the drain of "+i.Listener+" now?", "end it", "drain "+subject+" --now", body,
		control.Action{Kind: control.DrainNow, Listener: i.Listener, Worker: i.Worker, All: i.All}, planTime)
}

// askUpgrade asks whether to replace the running program by what lies at its path
// now.
func (m *model) askUpgrade() tea.Cmd {
	if why := m.refusal(); why != "" {
		return m.say(component.Problem, why)
	}
	if u := m.data.Upgrade; !u.Over() {
		return m.say(component.Note, fmt.Sprintf("an upgrade to %s is under way: %s", u.To, u.State))
	}
	body := []string{
		"replaces version " + m.data.Version + " by the program that now lies at its path",
		"it is asked first whether it can go on; if not, the old one keeps running",
		"pid, sockets and counters stay, then the workers move over one by one",
	}
	for i := range m.data.Listeners {
		if l := &m.data.Listeners[i]; l.Enabled && !l.Prefork {
			body = append(body, fmt.Sprintf("%s has no workers: its %s end, %s", l.Name,
				plural(int(l.Connections.Active+l.Connections.Idle), "connection"), "within "+page.Brief(l.Timeouts.Shutdown)))
		}
	}
	return m.askAct("upgrade the runtime?", "upgrade", "upgrade", body[:min(len(body), 10)], control.Action{Kind: control.Replace}, upgradeTime)
}

// upgradeBanner tells how far an upgrade has come.
func (m *model) upgradeBanner() []string {
	u := m.data.Upgrade
	switch {
	case u.Over():
		return nil
	case u.To == "":
		return []string{m.banner(m.st.Notice, m.st.Glyphs.Starting+" upgrade "+u.State)}
	}
	return []string{m.banner(m.st.Notice, fmt.Sprintf("%s upgrade from %s to %s: %s", m.st.Glyphs.Starting, u.From, u.To, u.State))}
}
