package page

import "github.com/charmbracelet/bubbles/key"

// Keys move the selection of a page.
type Keys struct {
	Up, Down, PageUp, PageDown, Top, Bottom key.Binding
}

// MoveKeys are arrows and those of vi. up and down are the names of the arrows
// where they are shown.
func MoveKeys(up, down string) *Keys {
	bind := func(name, does string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(name, does))
	}
	return &Keys{
		Up:       bind(up+" k", "up", "up", "k"),
		Down:     bind(down+" j", "down", "down", "j"),
		PageUp:   bind("pgup", "a page up", "pgup"),
		PageDown: bind("pgdn", "a page down", "pgdown"),
		Top:      bind("g home", "to the top", "g", "home"),
		Bottom:   bind("G end", "to the bottom", "G", "end"),
	}
}

// All are the keys in the order of the help.
func (k *Keys) All() []key.Binding {
	return []key.Binding{k.Up, k.Down, k.PageUp, k.PageDown, k.Top, k.Bottom}
}
