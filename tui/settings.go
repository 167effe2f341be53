package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// runningMsg is the config that runs, or why it is not known.
type runningMsg struct {
	config *config.Config
	failed string
}

// runningSeen tells which config was asked for.
type runningSeen struct {
	born                 time.Time
	revision, generation uint64
}

// openSettings shows all settings of a listener.
func (m *model) openSettings(name string) {
	m.settings.Of(name)
	m.workers.Of(name)
	m.inside, m.deeper = true, true
}

// wantRunning asks for the config that runs while the settings are shown and
// what they show is old. A snapshot tells only of a few of them.
func (m *model) wantRunning() tea.Cmd {
	if m.shown() != page.Page(m.settings) || m.data == nil || m.lost {
		return nil
	}
	now := runningSeen{m.data.StartedAt, m.data.Revision, m.data.Config.Generation}
	if now == m.ran {
		return nil
	}
	m.ran = now
	file := m.data.Config.Path
	return m.do(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		all, err := m.ctl.History(ctx, control.HistoryQuery{Number: now.generation, Limit: 1, Config: true})
		switch {
		case err != nil:
			return runningMsg{failed: err.Error()}
		case len(all) == 0 || all[0].Config == "":
			return runningMsg{failed: "the history does not have what runs"}
		}
		c, err := config.Parse(file, []byte(all[0].Config))
		if err != nil {
			return runningMsg{failed: "the config is not of this version"}
		}
		return runningMsg{config: c}
	})
}

func (m *model) took(msg runningMsg) {
	c := msg.config
	if c != nil && len(c.Listeners) == 0 {
		c = nil // of a runtime that has no config as we know it
	}
	m.running = c
	m.settings.Running(c, msg.failed)
}

// askSetting opens the form for one value.
func (m *model) askSetting(path, value string) tea.Cmd {
	if why := m.noChange(); why != "" {
		return m.say(component.Problem, why)
	}
	field := component.Field{Name: path, Label: page.LastWords(path), Hint: explained(path), Check: m.checkOf(path), Room: 30}
	m.form = &editor{
		Form: component.NewForm("set "+page.Short(path), []component.Field{field}, []string{page.Brief(value)}),
		base: m.changes.known, submit: m.submitSetting,
	}
	m.form.Note = m.unsetNote("")
	return nil
}

// unsetNote says what an empty field means.
func (m *model) unsetNote(before string) string {
	if m.data.Config.Path == "" {
		return before + "empty is what it was at start; enter applies"
	}
	return before + "empty is what the file says; enter applies"
}

// explained is what the reference says of the key at a path.
func explained(path string) string {
	keys, err := config.Explain(path)
	if err != nil || len(keys) == 0 {
		return ""
	}
	return page.Explained(keys[0])
}

// checkOf returns what tells whether a value can stand at a path: by the config
// that runs, if it is known, else by the type of the key. It remembers its last
// answer, because a form asks each time it is drawn.
func (m *model) checkOf(path string) func(string) error {
	kind := ""
	if keys, err := config.Explain(path); err == nil && len(keys) > 0 {
		kind = keys[0].Type
	}
	running, asked, answer := m.running, "", error(nil)
	return func(value string) error {
		switch {
		case value == "":
			return nil
		case kind == "duration":
			if err := checkDuration(value); err != nil {
				return err
			}
		}
		if running != nil && value != asked {
			_, err := running.With(config.Patch{{Path: path, Value: value}})
			asked, answer = value, firstOf(err)
		}
		return answer
	}
}

// firstOf is the first mistake, without the place: the form shows that.
func firstOf(err error) error {
	var all config.Errors
	if !errors.As(err, &all) || len(all) == 0 {
		return err
	}
	text := all[0].Message
	if all[0].Hint != "" {
		text += ", " + all[0].Hint
	}
	return errors.New(text)
}

func (m *model) submitSetting(e *editor) tea.Cmd {
	changed := e.Changed()
	if len(changed) == 0 {
		m.form = nil
		return m.say(component.Note, "nothing changes")
	}
	path := changed[0]
	value := e.Value(path)
	return m.submit(request.Change{
		Patch: config.Patch{{Path: path, Value: value, Unset: value == ""}}, Base: e.base, FromForm: true, ShowPlan: e.plans,
		Title: fmt.Sprintf("set %s to %s?", page.Short(path), orFile(value)), Verb: "set",
	})
}

func orFile(value string) string {
	if value == "" {
		return "what the file says"
	}
	return strings.TrimSpace(value)
}
