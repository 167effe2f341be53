package component

import "github.com/echterhof/rockstar-tui/internal/printable"

// Span is text in one style.
type Span struct {
	Paint Paint
	Text  string
}

// Line is a row of spans.
type Line []Span

// Add returns the line with another span.
func (l Line) Add(p Paint, text string) Line { return append(l, Span{p, text}) }

// Width is how many cells the line takes.
func (l Line) Width() int {
	n := 0
	for _, s := range l {
		n += Width(printable.Text(s.Text))
	}
	return n
}

// Render draws the line in at most width cells.
func (l Line) Render(width int, ellipsis string) string {
	var p pen
	l.write(&p, width, ellipsis, "")
	return p.line()
}

// Fill draws the line in exactly width cells, all on the style of base: a banner.
func (l Line) Fill(width int, ellipsis string, base Paint) string {
	var p pen
	left := l.write(&p, width, ellipsis, base.on)
	p.space(base.on, left)
	return p.line()
}

// Select draws the line in exactly width cells, as the row of the cursor.
func (l Line) Select(st *Styles, width int) string {
	over := make(Line, len(l))
	for i, s := range l {
		over[i] = Span{Paint{on: s.Paint.over}, s.Text}
	}
	return over.Fill(width, st.Glyphs.Ellipsis, st.Selection)
}

// write draws the line and returns how many cells are left. Spans without a
// style of their own have the style on.
func (l Line) write(p *pen, width int, ellipsis, on string) int {
	for i, s := range l {
		text := printable.Text(s.Text)
		n := Width(text)
		style := s.Paint.on
		if style == "" {
			style = on
		}
		if n > width || n == width && i+1 < len(l) && l[i+1:].Width() > 0 {
			p.put(style, Cut(text+" ", width, ellipsis))
			return 0
		}
		p.put(style, text)
		width -= n
	}
	return width
}

// Spread draws left and right at the two ends of width cells. If there is not
// enough room, left is cut: what stands at the right is chosen to be short.
func Spread(left, right Line, width int, ellipsis string) string {
	var p pen
	room := width - right.Width() - 1
	if room < 8 {
		return left.Render(width, ellipsis)
	}
	rest := left.write(&p, room, ellipsis, "")
	p.space("", rest+1)
	right.write(&p, width-room-1, ellipsis, "")
	return p.line()
}

// Items joins groups of spans with two blanks between them and leaves out, from
// the end, those that have no room.
func Items(groups []Line, width, gap int) Line {
	var out Line
	room := width
	for i, g := range groups {
		need := g.Width()
		if i > 0 {
			need += gap
		}
		if need > room {
			break
		}
		if i > 0 {
			out = append(out, Span{Text: blanks[:min(gap, len(blanks))]})
		}
		out = append(out, g...)
		room -= need
	}
	return out
}
