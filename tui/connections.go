package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// connectionsMsg are the busy connections of a listener, the oldest first.
type connectionsMsg struct {
	listener string
	page     *control.Page
	err      error
}

// askConnections fetches the connections that are busy: those that a drain would
// have to wait for.
func (m *model) askConnections(name string) tea.Cmd {
	limit := max(1, m.bodyHeight()-10)
	return m.do(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		p, err := m.ctl.Connections(ctx, control.Query{Listener: name, State: "active", Limit: limit})
		return connectionsMsg{name, p, err}
	})
}

// showConnections shows them, unless a question came first.
func (m *model) showConnections(msg connectionsMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		return m.say(component.Problem, m.problem(msg.err))
	case m.question != nil || m.form != nil || m.data == nil:
		return nil
	case len(msg.page.Connections) == 0:
		return m.say(component.Note, msg.listener+": no connection is busy")
	}
	var body []string
	for _, c := range msg.page.Connections {
		line := fmt.Sprintf("%-21s  %-9s  worker %-3d %5s  %s", c.Peer, c.Protocol, c.Worker, component.Ago(m.data.Time.Sub(c.Since).Round(time.Second)), c.Request)
		body = append(body, component.Cut(strings.TrimSpace(line), m.width-6, m.st.Glyphs.Ellipsis))
	}
	if n := msg.page.Total - len(msg.page.Connections); n > 0 {
		body = append(body, fmt.Sprintf("and %d more", n))
	}
	return m.ask(&component.Dialog{Title: "busy connections of " + msg.listener + ", the oldest first", Body: body,
		Buttons: []component.Button{{Label: "close", Hint: request.Command("connections --listener " + request.Quote(msg.listener) + " --state active")}},
	}, func(int) tea.Cmd { return nil })
}
