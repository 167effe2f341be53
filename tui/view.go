package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
)

// View returns the frame. It is built only when something has changed.
func (m *model) View() (view string) {
	defer m.crash.caught()
	if m.width == 0 {
		return ""
	}
	if m.dirty {
		m.dirty = false
		m.drawn++
		m.view = m.build()
		m.screen.Show(m.view, m.width, m.height)
	}
	return m.view
}

// compact is the layout for the smallest windows.
func (m *model) compact() bool { return m.width < 50 || m.height < 12 }

func (m *model) build() string {
	for _, p := range m.all() {
		p.Resize(m.width, m.bodyHeight())
	}
	st := m.st
	if m.lost || m.isCovered() {
		st = m.st.Faded()
	}
	body := m.body(st)
	lines := []string{m.header()}
	if !m.compact() {
		lines = append(lines, m.tabs())
	}
	lines = append(lines, m.banners()...)
	lines = append(append(lines, body...), m.footer())
	if m.width < 24 || m.height < 6 {
		lines = component.Clip(lines, m.width, m.height)
	}
	view := strings.Join(lines, "\n")
	if m.st.Glyphs.Horizontal == themes.ASCII().Horizontal {
		view = component.ASCII(view)
	}
	return view
}

// body is the page with what lies on top of it, in exactly its height.
func (m *model) body(st *component.Styles) []string {
	height := m.bodyHeight()
	lines := m.page(st)
	lines = lines[:min(len(lines), height)]
	for len(lines) < height {
		lines = append(lines, "")
	}
	lines = m.cover(lines, height)
	if m.toast != nil {
		toast := m.toast.Lines(m.st, m.width)
		for i := range min(len(toast), height) {
			lines[height-1-i] = toast[len(toast)-1-i]
		}
	}
	return lines
}

func (m *model) page(st *component.Styles) []string {
	if m.data != nil {
		return m.shown().View(st)
	}
	where := m.opts.Target
	if where == "" {
		where = "the runtime"
	}
	if m.seen.Err != nil {
		return m.waiting("no answer from "+where, m.seen.Err.Error()+"; trying again, q quits")
	}
	return m.waiting("connecting to "+where, "")
}

// waiting is what one sees before there is anything to see.
func (m *model) waiting(what, more string) []string {
	e := m.st.Glyphs.Ellipsis
	out := []string{"", component.Line{{Paint: m.st.Strong, Text: " " + what}}.Render(m.width, e)}
	for _, l := range component.Wrap(more, m.width-2, 4, e) {
		out = append(out, component.Line{{Paint: m.st.Muted, Text: " " + l}}.Render(m.width, ""))
	}
	return out
}

// isCovered reports whether something lies on the page.
func (m *model) isCovered() bool {
	_, typing := m.modals.Top().(*dialog.Input)
	return m.modals.Top() != nil && !typing
}

// cover lays the uppermost modal over the page.
func (m *model) cover(lines []string, height int) []string {
	if !m.isCovered() {
		return lines
	}
	box := m.modals.Top().View(m.st, m.width, height)
	return component.Overlay(lines, box[:min(len(box), height)], m.width)
}

func (m *model) bodyHeight() int {
	chrome := 2 + len(m.banners())
	if !m.compact() {
		chrome++
	}
	return max(1, m.height-chrome)
}

// header says where one is, and how that place is doing.
func (m *model) header() string {
	st := m.st
	left := component.Line{{Paint: st.Accent, Text: " rockstar-tui"}}
	var right component.Line
	if m.data != nil {
		left = left.Add(st.Strong, "  "+m.data.Host)
		right = m.health()
	}
	if m.opts.Target != "" && !m.compact() {
		left = left.Add(st.Muted, "  "+m.opts.Target)
	}
	return component.Spread(left, right, m.width, st.Glyphs.Ellipsis)
}

// health is how the config relates to its file, the generation, and what one may do.
func (m *model) health() component.Line {
	st := m.st
	line := m.problems()
	if m.compact() && line != nil {
		return line // there is room for one of them
	}
	line = append(line, m.configState()...)
	if m.compact() {
		return line
	}
	line = line.Add(st.Muted, "  gen ").Add(st.Text, fmt.Sprint(m.data.Generation))
	line = line.Add(st.Muted, "  up ").Add(st.Text, component.Age(m.data.Time.Sub(m.data.StartedAt)))
	role, paint := m.data.Role, st.Muted
	if m.opts.ReadOnly || role != "admin" {
		paint = st.Warn
	}
	if m.opts.ReadOnly {
		role = "read-only"
	}
	return line.Add(paint, "  "+role+" ")
}

// problems is how many there are, loud if clients or changes are hurt now.
func (m *model) problems() component.Line {
	st, n := m.st, len(m.data.Problems)
	if n == 0 {
		return nil
	}
	for _, p := range m.data.Problems {
		if p.Severity == control.SeverityHarm {
			return component.Line{{Paint: st.Bad, Text: st.Glyphs.Failed + " " + words.Count(n, "problem") + "  "}}
		}
	}
	return component.Line{{Paint: st.Warn, Text: st.Glyphs.Degraded + " " + words.Count(n, "problem") + "  "}}
}

func (m *model) configState() component.Line {
	st, c := m.st, &m.data.Config
	g := st.Glyphs
	if c.Held != nil && c.State != control.ConfigRefused {
		return component.Line{{Paint: st.Warn, Text: g.Degraded + " change waits"}}
	}
	switch c.State {
	case control.ConfigRefused:
		return component.Line{{Paint: st.Bad, Text: g.Failed + " file refused"}}
	case control.ConfigPending:
		return component.Line{{Paint: st.Warn, Text: g.Starting + " applying file"}}
	case control.ConfigOverridden:
		text := " differs from file"
		if c.Path == "" {
			text = " changed since start"
		}
		return component.Line{{Paint: st.Warn, Text: g.Degraded + text}}
	}
	if c.Path == "" {
		return component.Line{{Paint: st.Muted, Text: "no file"}}
	}
	return component.Line{{Paint: st.Good, Text: g.Ready + " in sync"}}
}

// tabs are the names of the pages, on a line.
func (m *model) tabs() string {
	first := "Overview"
	if m.inside {
		first = "Overview / " + m.workers.Name()
		if m.deeper {
			first += " / settings"
		}
	}
	var titles []component.Line
	for i, name := range []string{first, "Pools", "Events", "Config"} {
		label := fmt.Sprintf("%d %s", i+1, name)
		paint := m.st.Muted
		if i == m.tab {
			paint = m.st.Accent
			if m.st.Plain {
				label = "[" + label + "]"
			}
		}
		titles = append(titles, component.Line{{Paint: paint, Text: component.Cut(label, m.width/2, m.st.Glyphs.Ellipsis)}})
	}
	return component.Rule(m.st, titles, m.position(), m.width)
}

// position tells which part of a list one sees, if not all of it.
func (m *model) position() component.Line {
	var line component.Line
	if f := m.shown().Filtered(); f != "" {
		line = line.Add(m.st.Warn, "only "+component.Cut(f, 16, m.st.Glyphs.Ellipsis))
	}
	if from, to, n := m.shown().Seen(); m.data != nil && to-from < n {
		if len(line) > 0 {
			line = line.Add(m.st.Border, " "+m.st.Glyphs.Horizontal+" ")
		}
		line = line.Add(m.st.Muted, fmt.Sprintf("%d-%d of %d", from+1, to, n))
	}
	return line
}

// footer is the line to type in, or the keys that matter now.
func (m *model) footer() string {
	if input, typing := m.modals.Top().(*dialog.Input); typing {
		return " " + input.Line(m.st, min(m.width-2, 40))
	}
	if top := m.modals.Top(); top != nil {
		return component.Footer(m.st, top.Keys(), nil, m.width)
	}
	var keys []key.Binding
	if m.data != nil {
		keys = m.operator.Footer(m.target())
	}
	return component.Footer(m.st, keys, m.always(), m.width)
}

// always are the keys that the footer never leaves out.
func (m *model) always() []key.Binding {
	leave := "detach"
	if m.opts.OwnsRuntime {
		leave = "leave"
	}
	return []key.Binding{key.NewBinding(key.WithKeys("?"), key.WithHelp("?", "help")),
		key.NewBinding(key.WithKeys("q"), key.WithHelp("q", leave))}
}
