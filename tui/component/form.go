package component

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/cursor"
	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/printable"
)

// Field of a form.
type Field struct {
	// Name by which the value is found again, Label what a person reads.
	Name, Label string
	// Hint explains the field while it has the focus.
	Hint string
	// Room is how many cells the value is shown in; 0 is enough for a number.
	Room int
	// Check returns what is wrong with a value, nil if nothing is.
	Check func(value string) error

	input   textinput.Model
	initial string
}

// Form edits a few short values.
type Form struct {
	// Title of the frame, Note a line at its foot.
	Title, Note string
	// Failed is what came of the last attempt to submit, if it was not accepted.
	Failed string

	fields []Field
	focus  int
}

// Answer is what a key did to a form.
type Answer int

// Answers of [Form.Press].
const (
	Editing Answer = iota
	Submitted
	Cancelled
)

// NewForm returns a form with a value for each field.
func NewForm(title string, fields []Field, values []string) *Form {
	f := &Form{Title: title, fields: fields}
	for i := range f.fields {
		f.fields[i].input = newInput(values[i])
		f.fields[i].initial = values[i]
	}
	f.move(0)
	return f
}

// newInput returns an editor of one line, without its blinking cursor and
// without access to the clipboard, which would start programs.
func newInput(value string) textinput.Model {
	in := textinput.New()
	in.CharLimit = 256
	in.Cursor.SetMode(cursor.CursorStatic)
	in.KeyMap.Paste = key.NewBinding(key.WithDisabled())
	in.SetValue(printable.Text(value))
	in.CursorEnd()
	return in
}

// Value of a field.
func (f *Form) Value(name string) string {
	for i := range f.fields {
		if f.fields[i].Name == name {
			return strings.TrimSpace(f.fields[i].input.Value())
		}
	}
	return ""
}

// Changed returns the names of the fields whose values differ from the first ones.
func (f *Form) Changed() []string {
	var names []string
	for i := range f.fields {
		if fl := &f.fields[i]; strings.TrimSpace(fl.input.Value()) != fl.initial {
			names = append(names, fl.Name)
		}
	}
	return names
}

// Press handles a key. A form with a wrong value cannot be submitted: the
// focus goes there.
func (f *Form) Press(k tea.KeyMsg) Answer {
	switch k.String() {
	case "esc", "ctrl+c":
		return Cancelled
	case "enter":
		if wrong := f.firstWrong(); wrong >= 0 {
			f.move(wrong - f.focus)
			return Editing
		}
		return Submitted
	case "tab", "down":
		f.move(1)
	case "shift+tab", "up":
		f.move(-1)
	default:
		f.edit(k)
	}
	return Editing
}

// edit gives a key to the field with the focus.
func (f *Form) edit(k tea.KeyMsg) {
	f.Failed = ""
	in := &f.fields[f.focus].input
	*in, _ = in.Update(k)
}

func (f *Form) firstWrong() int {
	for i := range f.fields {
		if f.problem(i) != nil {
			return i
		}
	}
	return -1
}

func (f *Form) problem(i int) error {
	if f.fields[i].Check == nil {
		return nil
	}
	return f.fields[i].Check(strings.TrimSpace(f.fields[i].input.Value()))
}

func (f *Form) move(by int) {
	f.focus = (f.focus + by + len(f.fields)) % len(f.fields)
	for i := range f.fields {
		if i == f.focus {
			f.fields[i].input.Focus()
		} else {
			f.fields[i].input.Blur()
		}
	}
}

// Lines draws the form in at most width by height cells. The field with the
// focus is always among them.
func (f *Form) Lines(st *Styles, width, height int) []string {
	inner := max(1, min(width-4, 60))
	label := 0
	for i := range f.fields {
		label = max(label, Width(f.fields[i].Label))
	}
	var rows []string
	for i := range f.fields {
		rows = append(rows, f.row(st, i, label, inner))
	}
	foot := f.foot(st, inner, max(0, height-4-len(f.fields)))
	room := max(1, height-2-len(foot))
	if room >= len(rows)+2 {
		rows = append(append([]string{""}, rows...), "")
	} else if room < len(rows) {
		from := max(0, min(f.focus-room/2, len(rows)-room))
		rows = rows[from : from+room]
	}
	return boxed(st, f.Title, append(rows, foot...), inner, false)
}

const inputWidth = 12

// row is a field: its label, its value, and what is wrong with that.
func (f *Form) row(st *Styles, i, label, inner int) string {
	fl := &f.fields[i]
	paint, mark := st.Text, "  "
	if i == f.focus {
		paint, mark = st.Accent, st.Glyphs.Cursor+" "
	}
	line := Line{{paint, mark + fl.Label + strings.Repeat(" ", label-Width(fl.Label)) + "  "}}
	head := line.Render(inner, st.Glyphs.Ellipsis)
	head += strings.Repeat(" ", max(0, label+4-Width(head)))
	tail := Line{}
	if err := f.problem(i); err != nil && fl.Room == 0 {
		tail = tail.Add(st.Bad, "  "+st.Glyphs.Failed+" "+err.Error())
	} else if fl.initial != strings.TrimSpace(fl.input.Value()) {
		was := fl.initial
		if was == "" {
			was = "empty"
		}
		tail = tail.Add(st.Muted, fmt.Sprintf("  was %s", was))
	}
	width := min(max(inputWidth, fl.Room), max(1, inner-label-4))
	rest := inner - label - 4 - width
	return head + inputView(st, &fl.input, i == f.focus, width) + tail.Render(rest, st.Glyphs.Ellipsis)
}

// hintRows is how many lines a hint may have.
const hintRows = 7

// foot is what is wrong where that has no place in the row, what failed, the
// hint of the field with the focus, and the note. The hint has at most room lines,
// and as many for every field, so that the form keeps its height.
func (f *Form) foot(st *Styles, inner, room int) []string {
	var out []string
	for _, text := range []string{f.wrong(), f.Failed} {
		if text == "" {
			continue
		}
		for _, l := range Wrap(st.Glyphs.Failed+" "+text, inner, 3, st.Glyphs.Ellipsis) {
			out = append(out, st.Bad.Render(l))
		}
	}
	rows := 0
	for i := range f.fields {
		rows = max(rows, len(Wrap(f.fields[i].Hint, inner, hintRows, "")))
	}
	rows = max(min(rows, 1), min(rows, room-len(out)))
	hint := make([]string, rows)
	for i, l := range Wrap(f.fields[f.focus].Hint, inner, rows, st.Glyphs.Ellipsis) {
		hint[i] = st.Muted.Render(l)
	}
	out = append(out, hint...)
	if f.Note != "" {
		out = append(out, st.Muted.Render(Cut(f.Note, inner, st.Glyphs.Ellipsis)))
	}
	return out
}

// wrong is the problem of the field with the focus, if its row has no room for it.
func (f *Form) wrong() string {
	if f.fields[f.focus].Room == 0 {
		return ""
	}
	if err := f.problem(f.focus); err != nil {
		return err.Error()
	}
	return ""
}

// inputView draws the end of the value that has room, and the cursor.
func inputView(st *Styles, in *textinput.Model, focused bool, width int) string {
	runes, at := []rune(in.Value()), in.Position()
	if !focused {
		return st.Text.Render(padded(Cut(string(runes), width, st.Glyphs.Ellipsis), width))
	}
	for at > 0 && Width(string(runes[:at])) >= width-1 {
		runes, at = runes[1:], at-1
	}
	before, under, after := string(runes[:at]), " ", ""
	if at < len(runes) {
		under, after = string(runes[at]), string(runes[at+1:])
	}
	if st.Plain {
		return padded(Cut(before+"_"+after, width, st.Glyphs.Ellipsis), width)
	}
	after = Cut(after, width-Width(before)-Width(under), "")
	rest := width - Width(before) - Width(under) - Width(after)
	return st.Text.Render(before) + st.Focus.Render(under) + st.Text.Render(after) + strings.Repeat(" ", max(0, rest))
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}
