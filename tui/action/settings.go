package action

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// askSetting opens the form for one value.
func (o *Operator) askSetting(path, value string) tea.Cmd {
	field := component.Field{Name: path, Label: page.LastWords(path), Hint: explained(path), Check: o.checkOf(path), Room: 30}
	form := component.NewForm("set "+page.Short(path), []component.Field{field}, []string{page.Brief(value)})
	form.Note = o.unsetNote("")
	return o.openForm(form, "", o.submitSetting)
}

// unsetNote says what an empty field means.
func (o *Operator) unsetNote(before string) string {
	if o.env.Data().Config.Path == "" {
		return before + "empty: the value at start; enter applies"
	}
	return before + "empty: the file's value; enter applies"
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
func (o *Operator) checkOf(path string) func(string) error {
	kind := ""
	if keys, err := config.Explain(path); err == nil && len(keys) > 0 {
		kind = keys[0].Type
	}
	running, asked, answer := o.running, "", error(nil)
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

func (o *Operator) submitSetting(e *dialog.Form) tea.Cmd {
	changed := e.Changed()
	if len(changed) == 0 {
		return o.nothingChanges()
	}
	path := changed[0]
	value := e.Value(path)
	return o.submit(request.Change{
		Patch: config.Patch{{Path: path, Value: value, Unset: value == ""}}, Base: e.Base, FromForm: true, ShowPlan: e.ShowPlan,
		Title: fmt.Sprintf("set %s to %s?", page.Short(path), orFile(value)), Verb: "set",
	})
}

func orFile(value string) string {
	if value == "" {
		return "the file's value"
	}
	return strings.TrimSpace(value)
}

// unset takes a value back to what the file says.
func (o *Operator) unset(path string) tea.Cmd {
	return o.submit(request.Change{
		Patch: config.Patch{{Path: path, Unset: true}},
		Title: "reset " + page.Short(path) + " to the file's value?", Verb: "unset",
	})
}

// askWrite asks whether to write values that run into the config file.
func (o *Operator) askWrite(edits []control.Override) tea.Cmd {
	if o.env.Data().Config.Path == "" {
		return o.env.Notify(component.Problem, "no config file to write to")
	}
	var r request.Change
	var changes []config.Change
	for _, e := range edits {
		r.Patch = append(r.Patch, config.Edit{Path: e.Path, Value: e.Value, Unset: e.Value == ""})
		changes = append(changes, config.Change{Path: e.Path, From: e.File, To: e.Value, Effect: "in the file"})
	}
	r.Persist, r.Base = true, o.queue.known
	file := filepath.Base(o.env.Data().Config.Path)
	r.Done = "written to " + file
	body := append(o.changesText(changes, 8), "changes nothing else in the file and nothing that runs")
	d := dialog.Confirmation("write "+words.Count(len(edits), "value")+" to "+file+"?", "write", body)
	d.Danger = false
	d.Buttons[dialog.Cancel].Hint = "changes nothing"
	d.Buttons[dialog.Confirm].Hint = r.Command(" --persist")
	return o.ask(d, func(button int) tea.Cmd {
		if button != dialog.Confirm {
			return nil
		}
		o.queue.flight = &r
		return o.apply(r, r.Base)
	})
}
