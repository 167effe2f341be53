package tui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/page"
)

// fetchTime is how long the runtime may take to answer.
const fetchTime = 10 * time.Second

// pastSeen tells which history was asked for. Another one is there when one of
// these has changed: what is refused or confirmed makes no generation, but is told
// by an event.
type pastSeen struct {
	asked             bool
	born              time.Time
	generation, event uint64
}

// pastMsg is the history, or why it is not known.
type pastMsg struct {
	all    []control.Generation
	failed string
}

// wantPast asks for the history while its page is shown and what it shows is old. It
// waits for one answer before it asks again: events may come faster than answers.
func (m *model) wantPast() tea.Cmd {
	if m.tab != configTab || m.data == nil || m.lost || m.pastAsked {
		return nil
	}
	now := pastSeen{asked: true, born: m.data.StartedAt, generation: m.data.Generation}
	for _, e := range m.data.Events {
		now.event = max(now.event, e.Seq)
	}
	if now == m.past {
		return nil
	}
	m.past, m.pastAsked = now, true
	return m.call(func(ctx context.Context, ctl control.Controller) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, fetchTime)
		defer cancel()
		all, err := ctl.History(ctx, control.HistoryQuery{})
		if err != nil {
			return pastMsg{failed: err.Error()}
		}
		return pastMsg{all: all}
	})
}

// tookPast shows the history that was asked for.
func (m *model) tookPast(msg pastMsg) {
	m.pastAsked = false
	m.config.Past(msg.all, msg.failed)
}

// runningMsg is the config that runs, or why it is not known, as it was asked for.
type runningMsg struct {
	of     runningSeen
	config *config.Config
	failed string
}

// runningSeen tells which config was asked for.
type runningSeen struct {
	born       time.Time
	generation uint64
}

// wantRunning asks for the config that runs while the settings are shown and
// what they show is old. A snapshot tells only of a few of them.
func (m *model) wantRunning() tea.Cmd {
	if m.shown() != page.Page(m.settings) || m.data == nil || m.lost {
		return nil
	}
	now := runningSeen{m.data.StartedAt, m.data.Generation}
	if now == m.ran {
		return nil
	}
	m.ran = now
	file := m.data.Config.Path
	return m.call(func(ctx context.Context, ctl control.Controller) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, fetchTime)
		defer cancel()
		all, err := ctl.History(ctx, control.HistoryQuery{Number: now.generation, Limit: 1, Config: true})
		switch {
		case err != nil:
			return runningMsg{of: now, failed: err.Error()}
		case len(all) == 0 || all[0].Config == "":
			return runningMsg{of: now, failed: "the history lacks the running config"}
		}
		c, err := config.Parse(file, []byte(all[0].Config))
		if err != nil {
			return runningMsg{of: now, failed: "the config is of another version"}
		}
		return runningMsg{of: now, config: c}
	})
}

// tookRunning shows the config that was asked for, unless another one has been since.
func (m *model) tookRunning(msg runningMsg) {
	if msg.of != m.ran {
		return
	}
	c := msg.config
	if c != nil && len(c.Listeners) == 0 {
		c = nil // of a runtime that has no config as we know it
	}
	m.operator.Running(c)
	m.settings.Running(c, msg.failed)
}
