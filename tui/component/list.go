package component

// List is the cursor in a list that may be longer than its window. The zero
// List is at the top.
type List struct {
	// Cursor is the selected row, Offset the first one shown.
	Cursor, Offset int
}

// Move moves the cursor by so many rows, within n of them.
func (l *List) Move(by, n int) { l.Go(l.Cursor+by, n) }

// Go moves the cursor to a row, or as near as n rows allow.
func (l *List) Go(row, n int) { l.Cursor = max(0, min(row, n-1)) }

// Window scrolls as little as needed for the cursor to be among the height rows
// shown, and returns the first of them and the one after the last.
func (l *List) Window(height, n int) (from, to int) {
	l.Go(l.Cursor, n)
	height = max(height, 1)
	if l.Cursor < l.Offset {
		l.Offset = l.Cursor
	}
	if l.Cursor >= l.Offset+height {
		l.Offset = l.Cursor - height + 1
	}
	l.Offset = max(0, min(l.Offset, n-height))
	return l.Offset, min(n, l.Offset+height)
}
