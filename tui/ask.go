package tui

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// question is an open dialog and what its buttons do.
type question struct {
	id     int
	dialog *component.Dialog
	answer func(button int) tea.Cmd
}

// focused is the label of the button enter presses.
func (q *question) focused() string { return q.dialog.Buttons[q.dialog.Focus].Label }

// guard is how long a dialog must have been left alone before it hears keys.
const guard = 300 * time.Millisecond

func (m *model) ask(d *component.Dialog, answer func(button int) tea.Cmd) tea.Cmd {
	m.question = &question{dialog: d, answer: answer}
	return m.guardQuestion()
}

// guardQuestion starts the guard, or starts it again.
func (m *model) guardQuestion() tea.Cmd {
	m.toastID++ // any number not used before will do
	id := m.toastID
	m.question.id = id
	return m.after(guard, func(time.Time) tea.Msg { return armedMsg{id} })
}

// pressQuestion handles a key while a dialog is open. A key that comes too early
// makes it deaf for longer: whoever types has not read it.
func (m *model) pressQuestion(k tea.KeyMsg) tea.Cmd {
	q := m.question
	if !q.dialog.Armed() {
		return m.guardQuestion()
	}
	button := q.dialog.Press(k)
	if button < 0 {
		return nil
	}
	m.question = nil
	return q.answer(button)
}

// Buttons of a confirmation.
const (
	cancelButton = iota
	confirmButton
)

func confirmation(title, verb string, body []string) *component.Dialog {
	return &component.Dialog{
		Title: title, Body: body, Danger: true,
		Buttons: []component.Button{{Label: "cancel"}, {Label: verb, Key: "y"}},
		Focus:   cancelButton, Cancel: cancelButton,
	}
}

// askStop asks whether to stop everything.
func (m *model) askStop() tea.Cmd {
	if why := m.refusal(); why != "" {
		return m.say(component.Problem, why)
	}
	d := confirmation("stop everything?", "stop everything", m.stopConsequences())
	return m.ask(d, func(button int) tea.Cmd {
		if button != confirmButton {
			return nil
		}
		return m.stopEverything()
	})
}

func (m *model) stopConsequences() []string {
	deadline := ""
	for i := range m.data.Listeners {
		if l := &m.data.Listeners[i]; l.Enabled {
			deadline = longer(deadline, l.Timeouts.Shutdown)
		}
	}
	open := int(m.data.Open())
	out := []string{"ends " + plural(open, "connection") + " on " + plural(len(m.data.Listeners), "listener") + " and the runtime itself"}
	if open > 0 && deadline != "" {
		out = append(out, "requests under way may finish, within "+page.Brief(deadline))
	}
	return out
}

func (m *model) stopEverything() tea.Cmd {
	m.ending = stopping
	return tea.Batch(m.act(control.Action{Kind: control.Shutdown}, 0), m.tick(first))
}

// leave ends the cockpit. If the runtime was started for it, it asks what is to
// become of that; to go on is what enter chooses.
func (m *model) leave() tea.Cmd {
	if m.ending == draining {
		m.outcome = StopRuntime
	}
	if !m.opts.OwnsRuntime || m.refusal() != "" {
		return tea.Quit
	}
	open := int(m.data.Open())
	d := &component.Dialog{
		Title: "leave the cockpit",
		Body: []string{
			"this cockpit has started the runtime; it can go on without a screen",
			fmt.Sprintf("to stop everything ends %s on %s", plural(open, "connection"), plural(len(m.data.Listeners), "listener")),
		},
		Buttons: []component.Button{{Label: "keep running"}, {Label: "stop everything"}, {Label: "cancel"}},
		Cancel:  2,
	}
	return m.ask(d, func(button int) tea.Cmd {
		switch button {
		case 0:
			return tea.Quit
		case 1:
			return m.stopEverything()
		}
		return nil
	})
}

// editor is an open form, the listener it is about, and the revision its
// values are of.
type editor struct {
	*component.Form
	listener string
	base     uint64
	submit   func(*editor) tea.Cmd
	// plans says that it was submitted to see the plan first.
	plans bool
}

// planKey submits a form and asks in any case, with the plan and with other ways
// to make the change than at once.
const planKey = "ctrl+t"

func (m *model) pressForm(k tea.KeyMsg) tea.Cmd {
	if f := m.changes.flight; f != nil && f.FromForm && k.Type != tea.KeyEsc {
		return nil // waits for what becomes of it
	}
	m.form.plans = k.String() == planKey
	if m.form.plans {
		k = tea.KeyMsg{Type: tea.KeyEnter}
	}
	switch m.form.Press(k) {
	case component.Cancelled:
		m.form = nil
	case component.Submitted:
		return m.form.submit(m.form)
	}
	return nil
}

// closeForm closes the form if the change came from it.
func (m *model) closeForm(r request.Change) {
	if r.FromForm {
		m.form = nil
	}
}

// askWorkers opens the form for a number of workers, which begins with the
// present one.
func (m *model) askWorkers(name string) tea.Cmd {
	l := m.data.Listener(name)
	if why := m.refusal(); why != "" || l == nil {
		return m.say(component.Problem, why)
	}
	hint := fmt.Sprintf("0 to %d, 0 is the master itself", maxWorkers)
	if m.opts.CPUs > 0 {
		hint += "; " + plural(m.opts.CPUs, "CPU") + " there"
	}
	now := strconv.Itoa(wanted(l.WorkersWanted, l.Prefork))
	fields := []component.Field{{Name: "workers", Label: "workers", Hint: hint, Check: checkWorkers}}
	m.form = &editor{
		Form:     component.NewForm("resize "+name, fields, []string{now}),
		listener: name, base: m.changes.known, submit: m.submitWorkers,
	}
	m.form.Note = "enter resizes, esc leaves it as it is"
	return nil
}

func checkWorkers(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > maxWorkers {
		return fmt.Errorf("a number from 0 to %d", maxWorkers)
	}
	return nil
}

func (m *model) submitWorkers(e *editor) tea.Cmd {
	if len(e.Changed()) == 0 {
		m.form = nil
		return m.say(component.Note, "nothing changes")
	}
	n, err := strconv.Atoi(e.Value("workers"))
	if err != nil {
		return nil // Check has said so
	}
	r := request.Resize(e.listener, n)
	r.FromForm, r.Base, r.ShowPlan = true, e.base, e.plans
	return m.submit(r)
}

// askTimeouts opens the form for the timeouts, which begins with the present ones.
func (m *model) askTimeouts(name string) tea.Cmd {
	l := m.data.Listener(name)
	if why := m.refusal(); why != "" || l == nil {
		return m.say(component.Problem, why)
	}
	var fields []component.Field
	for _, key := range []string{"read", "read_header", "write", "idle", "shutdown"} {
		fields = append(fields, component.Field{Name: key, Label: key, Check: checkDuration,
			Hint: explained("listeners.*.timeouts." + key)})
	}
	t := l.Timeouts
	values := []string{t.Read, t.ReadHeader, t.Write, t.Idle, t.Shutdown}
	for i := range values {
		values[i] = page.Brief(values[i])
	}
	m.form = &editor{
		Form:     component.NewForm("timeouts of "+name, fields, values),
		listener: name, base: m.changes.known, submit: m.submitTimeouts,
	}
	m.form.Note = m.unsetNote("0s is none, ")
	return nil
}

// longest is the longest timeout that a config may have.
const longest = 24 * time.Hour

// checkDuration accepts what the config accepts, and nothing: that undoes what
// was changed by hand.
func checkDuration(value string) error {
	if value == "" {
		return nil
	}
	d, err := time.ParseDuration(value)
	switch {
	case err != nil && len(value) <= 8 && strings.Trim(value, "0123456789.") == "":
		return errors.New("a unit is missing: " + value + "s?")
	case err != nil:
		return errors.New("use e.g. 10s or 1m30s")
	case d < 0:
		return errors.New("not below zero")
	case d > longest:
		return fmt.Errorf("at most %v", longest)
	}
	return nil
}

// submitTimeouts makes a patch of those fields that were changed.
func (m *model) submitTimeouts(e *editor) tea.Cmd {
	var patch config.Patch
	for _, name := range e.Changed() {
		path, value := "listeners."+e.listener+".timeouts."+name, e.Value(name)
		patch = append(patch, config.Edit{Path: path, Value: value, Unset: value == ""})
	}
	if len(patch) == 0 {
		m.form = nil
		return m.say(component.Note, "nothing changes")
	}
	return m.submit(request.Change{
		Listener: e.listener, Patch: patch, Base: e.base, FromForm: true, ShowPlan: e.plans,
		Title: "change the timeouts of " + e.listener + "?", Verb: "change",
	})
}
