package action

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/request"
)

// scale asks for so many workers more than there are, or are asked for already.
func (o *Operator) scale(l *page.Listener, by int) tea.Cmd {
	have := wanted(l.WorkersWanted, l.Prefork)
	if a, ok := o.queue.desired[l.Name]; ok {
		have = a.workers
	}
	to := have + by
	if to < 0 || to > maxWorkers {
		return o.env.Notify(component.Note, fmt.Sprintf("%s: use 0 to %d workers", l.Name, maxWorkers))
	}
	return o.submit(request.Resize(l.Name, to))
}

// maxWorkers is the most one can ask for here.
const maxWorkers = 256

// wanted is the number of workers in the words of the config: 0 is the master itself.
func wanted(workers int, prefork bool) int {
	if !prefork {
		return 0
	}
	return workers
}

func (o *Operator) toggle(l *page.Listener) tea.Cmd {
	return o.submit(request.Enable(l.Name, !l.Enabled))
}

// askWorkers opens the form for a number of workers, which begins with the
// present one.
func (o *Operator) askWorkers(l *page.Listener) tea.Cmd {
	hint := fmt.Sprintf("0 to %d; 0 means the master serves", maxWorkers)
	if o.options.CPUs > 0 {
		hint += "; " + words.Count(o.options.CPUs, "CPU") + " there"
	}
	now := strconv.Itoa(wanted(l.WorkersWanted, l.Prefork))
	fields := []component.Field{{Name: "workers", Label: "workers", Hint: hint, Check: checkWorkers}}
	form := component.NewForm("resize "+l.Name, fields, []string{now})
	form.Note = "enter resizes, esc cancels"
	return o.openForm(form, l.Name, o.submitWorkers)
}

func checkWorkers(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > maxWorkers {
		return fmt.Errorf("a number from 0 to %d", maxWorkers)
	}
	return nil
}

func (o *Operator) submitWorkers(e *dialog.Form) tea.Cmd {
	if len(e.Changed()) == 0 {
		return o.nothingChanges()
	}
	n, err := strconv.Atoi(e.Value("workers"))
	if err != nil {
		return nil // Check has said so
	}
	r := request.Resize(e.Listener, n)
	r.FromForm, r.Base, r.ShowPlan = true, e.Base, e.ShowPlan
	return o.submit(r)
}

// askTimeouts opens the form for the timeouts, which begins with the present ones.
func (o *Operator) askTimeouts(l *page.Listener) tea.Cmd {
	var fields []component.Field
	for _, key := range []string{"read", "read_header", "write", "idle", "shutdown", "request", "response"} {
		fields = append(fields, component.Field{Name: key, Label: key, Check: checkDuration,
			Hint: explained("listeners.*.timeouts." + key)})
	}
	t := l.Timeouts
	values := []string{t.Read, t.ReadHeader, t.Write, t.Idle, t.Shutdown, t.Request, t.Response}
	for i := range values {
		values[i] = page.Brief(values[i])
	}
	form := component.NewForm("timeouts of "+l.Name, fields, values)
	form.Note = o.unsetNote("0s: no limit; ")
	return o.openForm(form, l.Name, o.submitTimeouts)
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
		return errors.New("needs a unit: " + value + "s?")
	case err != nil:
		return errors.New("use e.g. 10s or 1m30s")
	case d < 0:
		return errors.New("must not be negative")
	case d > longest:
		return fmt.Errorf("at most %v", longest)
	}
	return nil
}

// submitTimeouts makes a patch of those fields that were changed.
func (o *Operator) submitTimeouts(e *dialog.Form) tea.Cmd {
	var patch config.Patch
	for _, name := range e.Changed() {
		path, value := "listeners."+e.Listener+".timeouts."+name, e.Value(name)
		patch = append(patch, config.Edit{Path: path, Value: value, Unset: value == ""})
	}
	if len(patch) == 0 {
		return o.nothingChanges()
	}
	return o.submit(request.Change{
		Listener: e.Listener, Patch: patch, Base: e.Base, FromForm: true, ShowPlan: e.ShowPlan,
		Title: "change the timeouts of " + e.Listener + "?", Verb: "change",
	})
}

// within tells how long what is under way may take.
func within(l *page.Listener) string {
	if l.Timeouts.Shutdown == "0s" {
		return "current requests may finish"
	}
	return "current requests may finish within " + page.Brief(l.Timeouts.Shutdown)
}
