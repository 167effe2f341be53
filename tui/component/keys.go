package component

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
)

// Footer draws the keys that matter now, the most important first, and last
// those that always stay. What has no room is left out.
func Footer(st *Styles, keys, always []key.Binding, width int) string {
	end := bindings(st, always)
	tail := Items(end, width, 2)
	var line Line
	line = line.Add(st.Text, " ")
	line = append(line, Items(bindings(st, keys), width-tail.Width()-3, 2)...)
	if line.Width() > 1 {
		line = line.Add(st.Text, "  ")
	}
	return append(line, tail...).Render(width, "")
}

func bindings(st *Styles, keys []key.Binding) []Line {
	var out []Line
	for _, b := range keys {
		if b.Enabled() {
			h := b.Help()
			out = append(out, Line{{st.Key, h.Key}, {st.Muted, " " + h.Desc}})
		}
	}
	return out
}

// KeyGroup is a chapter of the help.
type KeyGroup struct {
	Title string
	Keys  []key.Binding
}

// KeyHelp draws all keys in groups: side by side where there is room, else one
// under the other. from is the first line shown; it returns the lines and how
// many there are in all.
func KeyHelp(st *Styles, groups []KeyGroup, width, height, from int) (box []string, total int) {
	inner := max(1, min(width-4, 72))
	var lines []string
	if inner >= 60 {
		lines = twoColumns(st, groups, inner)
	} else {
		for _, g := range groups {
			lines = append(lines, keyGroup(st, g, inner)...)
		}
	}
	room := max(1, height-2)
	total = len(lines)
	from = max(0, min(from, total-room))
	shown := lines[from:min(total, from+room)]
	return boxed(st, "keys", shown, inner, false), total
}

func twoColumns(st *Styles, groups []KeyGroup, inner int) []string {
	half := (inner - 2) / 2
	var left, right []string
	for _, g := range groups {
		drawn := keyGroup(st, g, half)
		if len(left) <= len(right) {
			left = append(left, drawn...)
		} else {
			right = append(right, drawn...)
		}
	}
	out := make([]string, max(len(left), len(right)))
	for i := range out {
		l, r := at(left, i), at(right, i)
		out[i] = padded(l, half+2) + r
	}
	return out
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func keyGroup(st *Styles, g KeyGroup, width int) []string {
	out := []string{st.Accent.Render(Cut(g.Title, width, st.Glyphs.Ellipsis))}
	for _, b := range g.Keys {
		h := b.Help()
		name := h.Key + strings.Repeat(" ", max(1, 12-Width(h.Key)))
		out = append(out, Line{{st.Key, name}, {st.Text, h.Desc}}.Render(width, st.Glyphs.Ellipsis))
	}
	return append(out, "")
}
