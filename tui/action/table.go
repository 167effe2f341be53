package action

import (
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
)

// Chapters of the help.
const (
	chapterMove     = "move"
	chapterListener = "the listener"
	chapterPages    = "pages"
	chapterConfig   = "the config"
	chapterRuntime  = "the runtime"
)

var chapters = []string{chapterMove, chapterListener, chapterPages, chapterConfig, chapterRuntime}

// actions are all records, in the order of the footer. They are those one finds
// without having read anything: the first letters of words.
func (o *Operator) actions(nav Navigator, st *component.Styles) []Action {
	arrows := st.Glyphs.Up + st.Glyphs.Down
	all := []Action{
		{ID: "back", Key: bind("esc", "back", "esc"), Chapter: chapterMove,
			Offer: ifTrue("back", func(t page.Target) bool { return t.Inside }), Run: simply(nav.Back)},
		{ID: "open", Key: bind("enter", "open", "enter"), Chapter: chapterMove,
			Applies: onOverview, Offer: ifTrue("open", onOverview),
			Run: func(t page.Target) tea.Cmd { nav.OpenListener(t.Listener.Name); return nil }},
	}
	all = append(all, o.editing()...)
	all = append(all, o.listenerActions(nav)...)
	all = append(all, o.configActions()...)
	all = append(all, footerOnly("select", arrows, "select", "up", "down", hasRows))
	all = append(all, pageActions(nav)...)
	return append(all, o.runtimeActions(nav)...)
}

// editing are the other meanings of enter.
func (o *Operator) editing() []Action {
	return []Action{
		{ID: "edit-setting", Key: bind("enter", "edit", "enter"), Applies: onSetting, Offer: ifTrue("edit", onSetting),
			Needs: ToChange, Run: func(t page.Target) tea.Cmd { return o.askSetting(t.Setting.Path, t.Setting.Value) }},
		{ID: "show-generation", Key: bind("enter", "what changed", "enter"), Applies: onGeneration, Offer: ifTrue("what changed", onGeneration),
			Run: func(t page.Target) tea.Cmd { return o.showGeneration(*t.Generation) }},
	}
}

func (o *Operator) listenerActions(nav Navigator) []Action {
	on := func(f func(l *page.Listener) tea.Cmd) func(page.Target) tea.Cmd {
		return func(t page.Target) tea.Cmd { return f(t.Listener) }
	}
	return []Action{
		{ID: "toggle", Key: bind("s", "start or stop", "s"), Chapter: chapterListener, Applies: onListener, Offer: offerToggle,
			Needs: ToChange, Run: on(o.toggle)},
		{ID: "worker-more", Key: bind("+", "add a worker", "+", "="), Chapter: chapterListener, Applies: onListener,
			Needs: ToChange, Run: on(func(l *page.Listener) tea.Cmd { return o.scale(l, 1) })},
		{ID: "worker-fewer", Key: bind("-", "remove a worker", "-"), Chapter: chapterListener, Applies: onListener,
			Needs: ToChange, Run: on(func(l *page.Listener) tea.Cmd { return o.scale(l, -1) })},
		{ID: "resize", Key: bind("r", "set worker count", "r"), Chapter: chapterListener, Applies: onListener,
			Needs: ToChange, Run: on(o.askWorkers)},
		footerOnly("workers", "+ - r", "workers", "+", "-", onListener),
		{ID: "drain-extend", Key: bind("d", "extend a drain by 1m", "d"), Chapter: chapterListener, Applies: onListener,
			Offer: ifTrue("extend 1m", drainsHere), Needs: ToAct, Run: o.extend},
		{ID: "drain-now", Key: bind("D", "end a drain now", "D"), Chapter: chapterListener, Applies: onListener,
			Offer: ifTrue("end now", drainsHere), Needs: ToAct, Run: o.askDrainNow},
		{ID: "timeouts", Key: bind("t", "timeouts", "t"), Chapter: chapterListener, Applies: onListener, Offer: ifTrue("timeouts", onListener),
			Needs: ToChange, Run: on(o.askTimeouts)},
		{ID: "settings", Key: bind("e", "all settings", "e"), Chapter: chapterListener, Applies: onListener, Offer: ifTrue("settings", onListener),
			Run: func(t page.Target) tea.Cmd { nav.OpenSettings(t.Listener.Name); return nil }},
		{ID: "restart-worker", Key: bind("x", "restart the worker", "x"), Chapter: chapterListener,
			Applies: func(t page.Target) bool { return t.Worker != nil }, Offer: ifTrue("restart", preforksHere),
			Needs: ToAct, Run: func(t page.Target) tea.Cmd { return o.askRestart(t.Listener, t.Worker.ID) }},
		{ID: "restart-workers", Key: bind("A", "restart all workers", "A"), Chapter: chapterListener, Applies: onListener,
			Offer: ifTrue("all", preforksHere), Needs: ToAct, Run: on(o.askRoll)},
		{ID: "connections", Key: bind("l", "busy connections", "l"), Chapter: chapterListener, Applies: onListener, Run: on(o.askConnections)},
	}
}

func (o *Operator) configActions() []Action {
	overridden := func(t page.Target) bool { return t.Setting != nil && t.Setting.Override != nil }
	some := func(t page.Target) bool { return len(t.Overrides) > 0 }
	return []Action{
		{ID: "keep", Key: bind("c", "confirm the trial", "c"), Chapter: chapterConfig, Needs: ToAct, Run: command(o.keep)},
		{ID: "take-back", Key: bind("z", "roll the trial back", "z"), Chapter: chapterConfig, Needs: ToAct, Run: command(o.askTakeBack)},
		{ID: "held", Key: bind("h", "review waiting change", "h"), Chapter: chapterConfig, Run: command(o.askHeld)},
		{ID: "unset", Key: bind("u", "reset to file value", "u"), Chapter: chapterConfig, Applies: onSetting,
			Offer: ifTrue("unset", overridden), Needs: ToChange,
			Run: func(t page.Target) tea.Cmd { return o.unset(t.Setting.Path) }},
		{ID: "write", Key: bind("w", "write it to the file", "w"), Chapter: chapterConfig, Applies: overridden,
			Offer: ifTrue("write", overridden), Needs: ToChange,
			Run: func(t page.Target) tea.Cmd { return o.askWrite([]control.Override{*t.Setting.Override}) }},
		{ID: "write-all", Key: bind("W", "write all", "W"), Chapter: chapterConfig, Applies: some,
			Offer: ifTrue("write all", func(t page.Target) bool { return some(t) && overridden(t) }), Needs: ToChange,
			Run: func(t page.Target) tea.Cmd { return o.askWrite(t.Overrides) }},
		{ID: "go-back", Key: bind("b", "restore a generation", "b"), Chapter: chapterConfig, Applies: onGeneration,
			Offer: ifTrue("roll back to it", onGeneration), Needs: ToChange,
			Run: func(t page.Target) tea.Cmd { return o.goBack(*t.Generation) }},
	}
}

func pageActions(nav Navigator) []Action {
	to := func(tab int) func(page.Target) tea.Cmd { return simply(func() { nav.GoTo(tab) }) }
	return []Action{
		{ID: "overview", Key: bind("1", "overview", "1"), Chapter: chapterPages, Run: to(0)},
		{ID: "pools", Key: bind("2", "pools", "2"), Chapter: chapterPages, Run: to(1)},
		{ID: "events", Key: bind("3", "events", "3"), Chapter: chapterPages, Run: to(2)},
		{ID: "config", Key: bind("4", "config", "4"), Chapter: chapterPages, Run: to(3)},
		{ID: "next-page", Key: bind("tab", "next page", "tab"), Chapter: chapterPages, Run: simply(func() { nav.Turn(1) })},
		{ID: "previous-page", Key: bind("shift+tab", "previous page", "shift+tab"), Chapter: chapterPages, Run: simply(func() { nav.Turn(-1) })},
		footerOnly("pages", "tab", "pages", "tab", "tab", always),
		{ID: "filter", Key: bind("/", "filter", "/"), Chapter: chapterPages, Offer: ifTrue("filter", always), Run: simply(nav.EditFilter)},
	}
}

func (o *Operator) runtimeActions(nav Navigator) []Action {
	return []Action{
		{ID: "reload", Key: bind("R", "reload the config file", "R"), Chapter: chapterConfig,
			Offer: ifTrue("reload the config file", func(t page.Target) bool { return t.Files }), Needs: ToAct, Run: command(o.reload)},
		{ID: "upgrade", Key: bind("U", "upgrade the program", "U"), Chapter: chapterRuntime, Needs: ToAct, Run: command(o.askUpgrade)},
		{ID: "stop", Key: bind("X", "stop everything", "X"), Chapter: chapterRuntime, Needs: ToAct, Run: command(o.askStop)},
		{ID: "quit", Key: bind("q", "quit the cockpit", "q", "ctrl+c"), Chapter: chapterRuntime, Run: command(nav.Quit)},
		{ID: "suspend", Key: bind("ctrl+z", "suspend the cockpit", "ctrl+z"), Chapter: chapterRuntime, Run: command(nav.Suspend)},
		{ID: "help", Key: bind("?", "help", "?"), Chapter: chapterRuntime, Run: simply(nav.ShowHelp)},
	}
}

func bind(name, does string, keys ...string) key.Binding {
	return key.NewBinding(key.WithKeys(keys...), key.WithHelp(name, does))
}

// footerOnly stands for two keys that belong together.
func footerOnly(id, name, text, one, other string, when func(page.Target) bool) Action {
	return Action{ID: id, Key: bind(name, text, one, other), Offer: ifTrue(text, when)}
}

// simply and command are for what does not depend on the target.
func simply(f func()) func(page.Target) tea.Cmd {
	return func(page.Target) tea.Cmd { f(); return nil }
}

func command(f func() tea.Cmd) func(page.Target) tea.Cmd {
	return func(page.Target) tea.Cmd { return f() }
}

func ifTrue(text string, when func(page.Target) bool) func(page.Target) string {
	return func(t page.Target) string {
		if when(t) {
			return text
		}
		return ""
	}
}

func always(page.Target) bool         { return true }
func hasRows(t page.Target) bool      { return t.Rows }
func onListener(t page.Target) bool   { return t.Listener != nil }
func onOverview(t page.Target) bool   { return t.Listener != nil && !t.Inside }
func onSetting(t page.Target) bool    { return t.Setting != nil }
func onGeneration(t page.Target) bool { return t.Generation != nil }
func preforksHere(t page.Target) bool { return t.Listener != nil && t.Inside && t.Listener.Prefork }
func offerToggle(t page.Target) string {
	switch {
	case t.Listener == nil:
		return ""
	case t.Listener.Enabled:
		return "stop"
	}
	return "start"
}

// drainsHere reports whether a worker of the listener that is looked at drains.
func drainsHere(t page.Target) bool {
	return t.Listener != nil && t.Inside &&
		slices.ContainsFunc(t.Listener.Workers, func(w page.Worker) bool { return w.DrainDeadline != nil })
}
