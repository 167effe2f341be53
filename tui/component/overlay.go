package component

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Overlay lays box over the middle of lines, which are width cells wide.
func Overlay(lines, box []string, width int) []string {
	boxWidth := 0
	for _, l := range box {
		boxWidth = max(boxWidth, Width(l))
	}
	left := max(0, (width-boxWidth)/2)
	top := max(0, (len(lines)-len(box))/2)
	out := append([]string(nil), lines...)
	for i, l := range box {
		if at := top + i; at < len(out) {
			out[at] = splice(out[at], l, left, boxWidth, width)
		}
	}
	return out
}

// Clip cuts lines to a window in which nothing makes sense any more.
func Clip(lines []string, width, height int) []string {
	lines = lines[:min(len(lines), height)]
	for i, l := range lines {
		if Width(l) > width {
			lines[i] = ansi.Truncate(l, width, "")
		}
	}
	return lines
}

// splice replaces boxWidth cells of line, from left on.
func splice(line, piece string, left, boxWidth, width int) string {
	head := ansi.Truncate(line, left, "")
	tail := ""
	if Width(line) > left+boxWidth {
		tail = ansi.TruncateLeft(line, left+boxWidth, "")
	}
	if strings.Contains(head, "\x1b") {
		head += reset // the cut may have left a style on
	}
	s := head + strings.Repeat(" ", left-Width(head)) + piece
	if tail == "" {
		return ansi.Truncate(s, width, "")
	}
	// A wide character cut in half leaves a gap.
	gap := width - left - boxWidth - Width(tail)
	if full := Width(line); full < width {
		gap -= width - full
	}
	return ansi.Truncate(s+strings.Repeat(" ", max(0, boxWidth-Width(piece))+max(0, gap))+tail, width, "")
}

// boxed frames lines that are inner cells wide; title stands in the upper edge.
func boxed(st *Styles, title string, lines []string, inner int, danger bool) []string {
	g, edge, head := st.Glyphs, st.Accent, st.Accent
	if danger {
		edge, head = st.Bad, st.Bad
	}
	title = Cut(title, inner-2, g.Ellipsis)
	top := edge.Render(g.TopLeft+g.Horizontal+" ") + head.Render(title) +
		edge.Render(" "+strings.Repeat(g.Horizontal, max(0, inner-Width(title)-1))+g.TopRight)
	out := []string{top}
	side := edge.Render(g.Vertical)
	for _, l := range lines {
		out = append(out, side+" "+l+strings.Repeat(" ", max(0, inner-Width(l)))+" "+side)
	}
	return append(out, edge.Render(g.BottomLeft+strings.Repeat(g.Horizontal, inner+2)+g.BottomRight))
}
