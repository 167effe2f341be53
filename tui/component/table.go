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
	// Painted says that Text is the work of a component, with its own styles
	// and as wide as the column.
	Painted bool
}

// Table lays out columns and writes rows. It is made for being drawn often: rows
// are written cell by cell into fixed widths.
type Table struct {
	Columns []Column

	width  int
	wants  []int
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
	if width == t.width && slices.EqualFunc(t.Columns, t.wants, func(c Column, w int) bool { return c.Want == w }) {
		return
	}
	t.width, t.wants = width, t.wants[:0]
	for _, c := range t.Columns {
		t.wants = append(t.wants, c.Want)
	}
	t.gap = 2
	if t.choose(width - 1); len(t.placed) < len(t.basic()) {
		t.gap = 1
		t.choose(width - 1)
	}
	t.stretch(width - 1)
}

// basic are the columns for whose sake the gaps are made narrower.
func (t *Table) basic() []int {
	var columns []int
	for i, c := range t.Columns {
		if c.Rank < extra {
			columns = append(columns, i)
		}
	}
	return columns
}

// extra is the Rank from which on columns are for wide screens only.
const extra = 10

// choose takes columns in the order of their ranks, as long as they fit.
func (t *Table) choose(room int) {
	order := make([]int, len(t.Columns))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.Columns[a].Rank - t.Columns[b].Rank })
	t.placed = t.placed[:0]
	for _, i := range order {
		c := t.Columns[i]
		need := c.Width
		if len(t.placed) > 0 {
			need += t.gap
		}
		if need <= room || c.Rank == 0 {
			t.placed = append(t.placed, place{i, c.Width})
			room -= need
		}
	}
	slices.SortFunc(t.placed, func(a, b place) int { return a.column - b.column })
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
	p.Grow(2 * t.width)
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

func (t *Table) used() int {
	n := t.gap * max(0, len(t.placed)-1)
	for _, p := range t.placed {
		n += p.width
	}
	return n
}

// write draws a cell in its place, with the gap before it.
func (t *Table) write(p *pen, st *Styles, at int, c Cell, selected bool) {
	on, blank := c.Paint.on, ""
	if selected {
		on, blank = c.Paint.over, st.Selection.on
	}
	if at > 0 {
		p.space(blank, t.gap)
	}
	width := t.placed[at].width
	if c.Painted {
		p.put("", c.Text)
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
