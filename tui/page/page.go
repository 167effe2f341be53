// Package page has a file per screen. A page remembers what is selected and
// filtered; what it shows comes from the [Data] it was last given. It answers
// keys with an [Intent] and never acts itself.
package page

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// Page is one screen.
type Page interface {
	// Show gives the page new data.
	Show(d *Data)
	// Resize tells the page how many cells it has.
	Resize(width, height int)
	// Press handles a key and says what it asks for; nil is nothing.
	Press(k tea.KeyMsg) Intent
	// Lines draws the page, at most as many lines as it has height.
	Lines(st *component.Styles) []string
	// Keys are those that do something here and now, the most important first.
	Keys() []key.Binding
	// Filter shows only what matches; see [Match].
	Filter(pattern string)
	// Filtered is the pattern shown now.
	Filtered() string
	// Seen tells which of n rows were drawn last: those from the first, counted
	// from 0, to the one before to.
	Seen() (from, to, n int)
}

// Intent is what a key asked for.
type Intent any

// The intents.
type (
	// Open wants to see a listener.
	Open struct{ Listener string }
	// Toggle wants to start a listener that is stopped, or to stop it.
	Toggle struct{ Listener string }
	// Scale wants so many workers more.
	Scale struct {
		Listener string
		By       int
	}
	// AskWorkers wants to be asked how many workers there should be.
	AskWorkers struct{ Listener string }
	// AskTimeouts wants to edit the timeouts.
	AskTimeouts struct{ Listener string }
	// AskSettings wants to see all settings of a listener.
	AskSettings struct{ Listener string }
	// Restart wants one worker replaced, Roll all of them, one after the other.
	Restart struct {
		Listener string
		Worker   int
	}
	Roll struct{ Listener string }
	// Extend wants to give more time to what drains: of one worker, or of All.
	Extend struct {
		Listener string
		Worker   int
		All      bool
	}
	// DrainNow wants to end it.
	DrainNow struct {
		Listener string
		Worker   int
		All      bool
	}
	// ShowConnections wants to see which connections of a listener are busy.
	ShowConnections struct{ Listener string }
	// Unset wants a value to be again what the file says.
	Unset struct{ Path string }
	// Write wants values that were changed by hand to be written into the file.
	Write struct{ Edits []control.Override }
	// AskSetting wants to edit the value at a path, which is Value now.
	AskSetting struct{ Path, Value string }
	// ShowGeneration wants to see what an entry of the history changed.
	ShowGeneration struct{ control.Generation }
	// GoBack wants an entry of the history to run again.
	GoBack struct{ control.Generation }
)

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

// onListener is what the keys that change a listener ask for.
func onListener(keys *Keys, k tea.KeyMsg, name string) Intent {
	switch {
	case key.Matches(k, keys.Toggle):
		return Toggle{name}
	case key.Matches(k, keys.More):
		return Scale{name, 1}
	case key.Matches(k, keys.Less):
		return Scale{name, -1}
	case key.Matches(k, keys.Resize):
		return AskWorkers{name}
	case key.Matches(k, keys.Timeouts):
		return AskTimeouts{name}
	case key.Matches(k, keys.Settings):
		return AskSettings{name}
	case key.Matches(k, keys.Connections):
		return ShowConnections{name}
	case key.Matches(k, keys.Roll):
		return Roll{name}
	case key.Matches(k, keys.Extend):
		return Extend{Listener: name, All: true}
	case key.Matches(k, keys.DrainNow):
		return DrainNow{Listener: name, All: true}
	}
	return nil
}

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
