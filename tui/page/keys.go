package page

import (
	"github.com/charmbracelet/bubbles/key"

	"github.com/echterhof/rockstar-tui/tui/component"
)

// Keys are all keys of the cockpit. The footer, the help and what keys do come
// from here and nowhere else.
type Keys struct {
	Up, Down, Top, Bottom, PageUp, PageDown, Enter, Back key.Binding
	Next, Previous, First, Second, Third, Fourth         key.Binding
	Toggle, More, Less, Resize, Timeouts, Settings       key.Binding
	Reload, Filter, Help, Quit, Stop, Suspend            key.Binding
	Restart, Roll, Extend, DrainNow                      key.Binding
	Upgrade                                              key.Binding
	Keep, TakeBack, Held                                 key.Binding
	Connections                                          key.Binding
	Unset, Write, WriteAll, GoBack                       key.Binding

	// Select, Workers and Pages stand for a few of the above in the footer.
	Select, Workers, Pages key.Binding
}

// DefaultKeys are those one finds without having read anything: arrows and
// those of vi, and the first letters of words. up and down are the names of
// the arrows where they are shown.
func DefaultKeys(up, down string) *Keys {
	bind := func(name, does string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(name, does))
	}
	return &Keys{
		Up:       bind(up+" k", "up", "up", "k"),
		Down:     bind(down+" j", "down", "down", "j"),
		Top:      bind("g home", "to the top", "g", "home"),
		Bottom:   bind("G end", "to the bottom", "G", "end"),
		PageUp:   bind("pgup", "a page up", "pgup"),
		PageDown: bind("pgdn", "a page down", "pgdown"),
		Enter:    bind("enter", "open", "enter"),
		Back:     bind("esc", "back", "esc"),

		Next:     bind("tab", "next page", "tab"),
		Previous: bind("shift+tab", "previous page", "shift+tab"),
		First:    bind("1", "overview", "1"),
		Second:   bind("2", "pools", "2"),
		Third:    bind("3", "events", "3"),

		Fourth: bind("4", "config", "4"),

		Unset:    bind("u", "as in the file again", "u"),
		Write:    bind("w", "write it to the file", "w"),
		WriteAll: bind("W", "write all", "W"),
		GoBack:   bind("b", "back to a generation", "b"),

		Toggle:   bind("s", "start or stop", "s"),
		More:     bind("+", "one worker more", "+", "="),
		Less:     bind("-", "one worker less", "-"),
		Resize:   bind("r", "how many workers", "r"),
		Timeouts: bind("t", "timeouts", "t"),
		Settings: bind("e", "all settings", "e"),

		Restart:     bind("x", "restart the worker", "x"),
		Roll:        bind("A", "restart all workers", "A"),
		Connections: bind("l", "busy connections", "l"),
		Extend:      bind("d", "1m more for a drain", "d"),
		DrainNow:    bind("D", "end a drain now", "D"),
		Upgrade:     bind("U", "upgrade the program", "U"),

		Reload:   bind("R", "reload the config file", "R"),
		Keep:     bind("c", "keep what is on trial", "c"),
		TakeBack: bind("z", "take the trial back", "z"),
		Held:     bind("h", "a save that is held", "h"),

		Filter:  bind("/", "filter", "/"),
		Help:    bind("?", "help", "?"),
		Quit:    bind("q", "leave", "q", "ctrl+c"),
		Stop:    bind("X", "stop everything", "X"),
		Suspend: bind("ctrl+z", "suspend the cockpit", "ctrl+z"),

		Select:  bind(up+down, "select", "up", "down"),
		Workers: bind("+ - r", "workers", "+", "-", "r"),
		Pages:   bind("tab", "pages", "tab"),
	}
}

// Groups are the chapters of the help.
func (k *Keys) Groups() []component.KeyGroup {
	return []component.KeyGroup{
		{Title: "move", Keys: []key.Binding{k.Up, k.Down, k.PageUp, k.PageDown, k.Top, k.Bottom, k.Enter, k.Back}},
		{Title: "the listener", Keys: []key.Binding{k.Toggle, k.More, k.Less, k.Resize, k.Timeouts, k.Settings,
			k.Restart, k.Roll, k.Extend, k.DrainNow, k.Connections}},
		{Title: "pages", Keys: []key.Binding{k.First, k.Second, k.Third, k.Fourth, k.Next, k.Previous, k.Filter}},
		{Title: "the config", Keys: []key.Binding{k.Keep, k.TakeBack, k.Held, k.Unset, k.Write, k.WriteAll, k.GoBack, k.Reload}},
		{Title: "the runtime", Keys: []key.Binding{k.Upgrade, k.Stop, k.Quit, k.Suspend, k.Help}},
	}
}

// named returns a binding under another description.
func named(b key.Binding, does string) key.Binding {
	b.SetHelp(b.Help().Key, does)
	return b
}
