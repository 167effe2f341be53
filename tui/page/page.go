// Package page has a file per screen. A page remembers what is selected and
// filtered; what it shows comes from the [Data] it was last given. It moves its
// selection by itself, and says what is selected by its [Target]; it never acts.
package page

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// Page is one screen.
type Page interface {
	// SetData gives the page new data.
	SetData(d *Data)
	// Resize tells the page how many cells it has.
	Resize(width, height int)
	// HandleKey moves the selection; other keys it leaves alone.
	HandleKey(k tea.KeyMsg)
	// View draws the page, at most as many lines as it has height.
	View(st *component.Styles) []string
	// Target is what is selected.
	Target() Target
	// Filter shows only what matches; see [Match].
	Filter(pattern string)
	// Filtered is the pattern shown now.
	Filtered() string
	// Seen tells which of n rows were drawn last: those from the first, counted
	// from 0, to the one before to.
	Seen() (from, to, n int)
}

// Target is what is selected on a page: what an action acts on. What is not
// selected is nil or empty.
type Target struct {
	// Listener under the cursor, or the one that the page is about.
	Listener *Listener
	// Inside says that the page is about that one listener.
	Inside bool
	// Worker under the cursor.
	Worker *Worker
	// Setting under the cursor.
	Setting *Setting
	// Overrides are all values changed by hand that the page shows.
	Overrides []control.Override
	// Generation of the history under the cursor.
	Generation *control.Generation
	// Rows says that there is something to select, and Files that the page is
	// about what a config file says.
	Rows, Files bool
}

// Setting is a value of the config.
type Setting struct {
	Path, Value string
	// Override is what was changed by hand there, nil if nothing was.
	Override *control.Override
}

// base is what all pages have.
type base struct {
	keys          *Keys
	data          *Data
	width, height int
	filter        string
	from, to, n   int // rows drawn last
}

func (b *base) Resize(width, height int) { b.width, b.height = width, height }
func (b *base) Filtered() string         { return b.filter }

// Seen tells which rows were drawn last.
func (b *base) Seen() (from, to, n int) { return b.from, b.to, b.n }

// window is the part of a list that is drawn.
func (b *base) window(list *component.List, height, n int) (from, to int) {
	b.from, b.to = list.Window(height, n)
	b.n = n
	return b.from, b.to
}

// compact is for windows in which a table makes no sense: a line per thing.
func (b *base) compact() bool { return b.width < 50 || b.height < 8 }

// scroll moves a cursor over n rows, of which a window shows height.
func scroll(keys *Keys, k tea.KeyMsg, list *component.List, n, height int) bool {
	switch {
	case key.Matches(k, keys.Up):
		list.Move(-1, n)
	case key.Matches(k, keys.Down):
		list.Move(1, n)
	case key.Matches(k, keys.PageUp):
		list.Move(-max(1, height-1), n)
	case key.Matches(k, keys.PageDown):
		list.Move(max(1, height-1), n)
	case key.Matches(k, keys.Top):
		list.Go(0, n)
	case key.Matches(k, keys.Bottom):
		list.Go(n-1, n)
	default:
		return false
	}
	return true
}
