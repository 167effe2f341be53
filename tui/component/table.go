package component

import "slices"

// Column of a table.
type Column struct {
	// Title at its head, and a shorter one for where that does not fit.
	Title, Short string
	// Width in cells it needs; Want, if more, is what it takes when there is room.
	Width, Want int
	// Fill columns share, up to Want, what is left when all others have theirs.
	Fill bool
	// Right aligns to the right, as numbers are.
	Right bool
	// Rank says who goes first when room is short: the highest. 0 always stays.
	Rank int
}

// Cell is what stands in one place of a table.
type Cell struct {
	Paint Paint
	Text  string
	// Line stands there instead of Text, if it is not nil. It must be as wide
	// as the column.
	Line Line
}

// Table lays out columns and writes rows. It is made for being drawn often: rows
// are written cell by cell into fixed widths.
type Table struct {
	Columns []Column

	width  int
	laid   []Column // as they were when they were laid out
	placed []place
	gap    int
}

// place is a column that is shown.
type place struct {
	column, width int
}

// Layout decides which columns have room in width cells, and how wide they are.
// The first cell of a row belongs to the cursor.
func (t *Table) Layout(width int) {
	if width == t.width && slices.Equal(t.Columns, t.laid) {
		return
	}
	t.width, t.laid = width, append(t.laid[:0], t.Columns...)
	if !t.gapped(2, width-1) {
		airy := len(t.placed)
		if t.gapped(1, width-1); len(t.placed) == airy {
			t.gapped(2, width-1) // narrow gaps gain nothing
		}
	}
	t.stretch(width - 1)
}

// gapped chooses columns with gaps of so many cells between them, and reports
// whether the basic ones are all among them.
func (t *Table) gapped(gap, room int) bool {
	t.gap = gap
	t.choose(room)
	return len(t.placed) >= t.basic()
}

// basic is the number of columns for whose sake the gaps are made narrower.
func (t *Table) basic() int {
	n := 0
	for _, c := range t.Columns {
		if c.Rank < extra {
			n++
		}
	}
	return n
}

// extra is the Rank from which on columns are for wide screens only.
const extra = 10

// choose takes columns in the order of their ranks, as long as they fit. Those
// for wide screens come only when the others have what they want.
func (t *Table) choose(room int) {
	t.placed = t.placed[:0]
	wants := 0
	for _, i := range t.ranked() {
		c := t.Columns[i]
		need := c.Width
		if len(t.placed) > 0 {
			need += t.gap
		}
		if c.Rank < extra && !c.Fill {
			wants += max(0, c.Want-c.Width)
		}
		if need <= room && (c.Rank < extra || need <= room-wants) || c.Rank == 0 {
			t.placed = append(t.placed, place{i, c.Width})
			room -= need
		}
	}
	slices.SortFunc(t.placed, func(a, b place) int { return a.column - b.column })
}

// ranked are the columns in the order in which they are chosen.
func (t *Table) ranked() []int {
	order := make([]int, len(t.Columns))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.Columns[a].Rank - t.Columns[b].Rank })
	return order
}

// stretch gives what is left to those who want more, and at last to the filling
// ones. It takes from the widest if there is less than nothing left.
func (t *Table) stretch(room int) {
	for i, p := range t.placed {
		room -= p.width
		if i > 0 {
			room -= t.gap
		}
	}
	for _, fill := range []bool{false, true} {
		for i := range t.placed {
			c := t.Columns[t.placed[i].column]
			if more := min(room, c.Want-t.placed[i].width); c.Fill == fill && more > 0 {
				t.placed[i].width += more
				room -= more
			}
		}
	}
	for i := 0; room < 0 && i < len(t.placed); i++ {
		less := min(-room, t.placed[i].width-1)
		t.placed[i].width -= less
		room += less
	}
}

// ColumnWidth is how wide a column is after Layout, 0 if it is not shown.
func (t *Table) ColumnWidth(column int) int {
	for _, p := range t.placed {
		if p.column == column {
			return p.width
		}
	}
	return 0
}

// Head draws the titles.
func (t *Table) Head(st *Styles) string {
	var p pen
	p.put("", " ")
	for i, pl := range t.placed {
		c := t.Columns[pl.column]
		title := c.Title
		if len(title) > pl.width && c.Short != "" {
			title = c.Short
		}
		t.write(&p, st, i, Cell{Paint: st.Heading, Text: title}, false)
	}
	return p.line()
}

// Row draws one row. cell is called for each column that is shown.
func (t *Table) Row(st *Styles, selected bool, cell func(column int) Cell) string {
	var p pen
	p.Grow(4 * t.width) // letters, and a style now and then
	if selected {
		p.put(st.Accent.over, st.Glyphs.Cursor)
	} else {
		p.put("", " ")
	}
	for i, pl := range t.placed {
		t.write(&p, st, i, cell(pl.column), selected)
	}
	if selected {
		p.space(st.Selection.on, t.width-1-t.used())
	}
	return p.line()
}

// writeCell draws spans into a cell.
func (l Line) writeCell(p *pen, width int, blank string, selected bool) {
	for _, s := range l {
		on := s.Paint.on
		if selected {
			on = s.Paint.over
		}
		text := Cut(s.Text, width, "")
		p.put(on, text)
		width -= Width(text)
	}
	p.space(blank, width)
}

func (t *Table) used() int {
	n := t.gap * max(0, len(t.placed)-1)
	for _, p := range t.placed {
		n += p.width
	}
	return n
}

// write draws a cell in its place, with the gap before it.
func (t *Table) write(p *pen, st *Styles, at int, c Cell, selected bool) {
	if c.Paint == (Paint{}) {
		c.Paint = st.Text
	}
	on, blank := c.Paint.on, ""
	if selected {
		on, blank = c.Paint.over, st.Selection.on
	}
	if at > 0 {
		p.space(blank, t.gap)
	}
	width := t.placed[at].width
	if c.Line != nil {
		c.Line.writeCell(p, width, blank, selected)
		return
	}
	text := Cut(c.Text, width, st.Glyphs.Ellipsis)
	pad := width - Width(text)
	if t.Columns[t.placed[at].column].Right {
		p.space(blank, pad)
		p.put(on, text)
		return
	}
	p.put(on, text)
	p.space(blank, pad)
}
