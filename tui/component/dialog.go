package component

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/printable"
)

// Dialog asks a question. It hears no key until it is armed, so that what was
// typed for the screen beneath cannot answer it; nor does it hear what was
// pasted or typed faster than a person does.
type Dialog struct {
	// Title is the question in a few words, Body explains it.
	Title string
	Body  []string
	// Buttons from left to right; ctrl+c presses the first, so make it a
	// harmless one.
	Buttons []Button
	// Focus is the button enter presses. Make it the harmless one.
	Focus int
	// Cancel is the button esc presses.
	Cancel int
	// Danger paints the frame as what it is.
	Danger bool

	armed bool
}

// Button of a dialog.
type Button struct {
	Label string
	// Key presses the button from anywhere, if it is not empty. It must not be
	// the key that opened the dialog.
	Key string
	// Hint explains the button while it has the focus.
	Hint string
}

// Arm makes the dialog hear keys.
func (d *Dialog) Arm() { d.armed = true }

// Armed reports whether the dialog hears keys.
func (d *Dialog) Armed() bool { return d.armed }

// Press handles a key and returns the button it pressed, or -1.
func (d *Dialog) Press(k tea.KeyMsg) int {
	if !d.armed || k.Paste || len(k.Runes) > 1 {
		return -1
	}
	switch k.String() {
	case "left", "shift+tab", "h":
		d.Focus = (d.Focus + len(d.Buttons) - 1) % len(d.Buttons)
	case "right", "tab", "l":
		d.Focus = (d.Focus + 1) % len(d.Buttons)
	case "esc":
		return d.Cancel
	case "ctrl+c":
		return 0
	case "enter":
		return d.Focus
	}
	for i, b := range d.Buttons {
		if b.Key != "" && k.String() == b.Key {
			return i
		}
	}
	return -1
}

// Lines draws the dialog in at most width by height cells.
func (d *Dialog) Lines(st *Styles, width, height int) []string {
	inner := d.inner(width - 4)
	buttons := append(d.hints(st, inner), d.buttons(st, inner)...)
	var lines []string
	room := height - 2 - len(buttons)
	airy := room > len(d.Body)+2
	if airy {
		lines = append(lines, "")
	}
	for _, b := range d.Body {
		lines = append(lines, Wrap(b, inner, max(1, room-len(lines)), st.Glyphs.Ellipsis)...)
	}
	lines = lines[:min(len(lines), max(room, 0))]
	if airy && len(lines) < room {
		lines = append(lines, "")
	}
	return boxed(st, d.Title, append(lines, buttons...), inner, d.Danger)
}

// inner is the width between the frames: what the texts need, within room.
func (d *Dialog) inner(room int) int {
	need := Width(printable.Text(d.Title)) + 4
	for _, b := range d.Body {
		need = max(need, Width(printable.Text(b)))
	}
	for _, b := range d.Buttons {
		need = max(need, Width(printable.Text(b.Hint)))
	}
	row := 0
	for _, b := range d.Buttons {
		row += Width(b.label()) + 5
	}
	return max(1, min(room, max(need, row, 36)))
}

// hintLines is how many lines a hint may have.
const hintLines = 2

// hints are those of the button with the focus, and as many lines for every other.
func (d *Dialog) hints(st *Styles, inner int) []string {
	most := 0
	for _, b := range d.Buttons {
		most = max(most, len(Wrap(b.Hint, inner, hintLines, "")))
	}
	if most == 0 {
		return nil
	}
	out := make([]string, most+1) // and an empty one
	for i, l := range Wrap(d.Buttons[d.Focus].Hint, inner, hintLines, st.Glyphs.Ellipsis) {
		out[i] = st.Muted.Render(l)
	}
	return out
}

func (b Button) label() string {
	if b.Key == "" {
		return b.Label
	}
	return b.Label + " (" + b.Key + ")"
}

// buttons stand in a row at the right, or one under the other where that is
// too wide.
func (d *Dialog) buttons(st *Styles, inner int) []string {
	var drawn []string
	row := 0
	for i, b := range d.Buttons {
		drawn = append(drawn, button(st, Cut(b.label(), inner-4, st.Glyphs.Ellipsis), i == d.Focus))
		row += Width(drawn[i]) + 1
	}
	if row-1 > inner {
		return drawn
	}
	return []string{strings.Repeat(" ", inner-row+1) + strings.Join(drawn, " ")}
}

func button(st *Styles, label string, focused bool) string {
	if focused {
		return st.Focus.Render("[ " + label + " ]")
	}
	return st.Muted.Render("  " + label + "  ")
}
