package tui

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/charmbracelet/bubbles/key"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
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
	if m.lost || m.question != nil || m.form != nil || m.help {
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
		return m.shown().Lines(st)
	}
	where := m.opts.Target
	if where == "" {
		where = "the runtime"
	}
	if m.seen.Err != nil {
		return m.waiting("no answer from "+where, m.seen.Err.Error()+"; trying again, q leaves")
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

// cover lays the uppermost dialog, form or help over the page.
func (m *model) cover(lines []string, height int) []string {
	var box []string
	switch {
	case m.question != nil:
		box = m.question.dialog.Lines(m.st, m.width, height)
	case m.form != nil:
		box = m.form.Lines(m.st, m.width, height)
	case m.help:
		var total int
		box, total = component.KeyHelp(m.st, m.keys.Groups(), m.width, height, m.helpAt)
		m.helpAt = max(0, min(m.helpAt, total-len(box)+2))
	default:
		return lines
	}
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

// health is how the config relates to its file, the revision, and what one may do.
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
	line = line.Add(st.Muted, "  rev ").Add(st.Text, fmt.Sprint(m.data.Revision))
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
			return component.Line{{Paint: st.Bad, Text: st.Glyphs.Failed + " " + plural(n, "problem") + "  "}}
		}
	}
	return component.Line{{Paint: st.Warn, Text: st.Glyphs.Degraded + " " + plural(n, "problem") + "  "}}
}

func (m *model) configState() component.Line {
	st, c := m.st, &m.data.Config
	g := st.Glyphs
	if c.Held != nil && c.State != control.ConfigRefused {
		return component.Line{{Paint: st.Warn, Text: g.Degraded + " save is held"}}
	}
	switch c.State {
	case control.ConfigRefused:
		return component.Line{{Paint: st.Bad, Text: g.Failed + " file refused"}}
	case control.ConfigPending:
		return component.Line{{Paint: st.Warn, Text: g.Starting + " file is being applied"}}
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

// banners stay for as long as they are true.
func (m *model) banners() []string {
	var out []string
	if text := m.linkText(); text != "" {
		out = append(out, m.banner(m.st.Notice, text))
	}
	if m.data == nil {
		return out
	}
	if m.ending != running && !m.lost {
		out = append(out, m.banner(m.st.Notice, "stopping everything: "+plural(int(m.data.Open()), "connection")+" left"))
	}
	c := &m.data.Config
	out = append(append(append(out, m.trialBanner()...), m.heldBanner()...), m.upgradeBanner()...)
	if c.State == control.ConfigRefused || c.Fallback != 0 {
		out = append(out, m.refusedBanner()...)
	}
	return out[:min(len(out), max(1, m.height-5))]
}

func (m *model) banner(paint component.Paint, text string) string {
	return component.Line{{Text: " " + text}}.Fill(m.width, m.st.Glyphs.Ellipsis, paint)
}

// linkText tells that what one sees is old, and how old.
func (m *model) linkText() string {
	if !m.lost {
		return ""
	}
	dash := m.st.Glyphs.Dash
	age := m.now.Sub(m.seen.At)
	text := "link lost " + component.Ago(age) + " " + dash + " listeners unaffected " + dash + " reconnecting"
	if m.seen.Err != nil {
		text += ": " + m.seen.Err.Error()
	}
	return text
}

// whyLines is how many lines a refused config may take to say why: enough for
// the hint, which comes last, to be read on 80 columns.
const whyLines = 3

// refusedBanner names the first mistake in the config file. Where it is wrong is
// shown as far as there is room, because what would be right matters more.
func (m *model) refusedBanner() []string {
	c := &m.data.Config
	mark := m.st.Glyphs.Failed + " "
	head := fmt.Sprintf("config refused, still running revision %d", m.data.Revision)
	if c.Fallback != 0 {
		head = fmt.Sprintf("config refused at start, generation %d runs instead", c.Fallback)
	}
	if c.Error == nil {
		return []string{m.banner(m.st.Alarm, mark+head)}
	}
	if n := len(c.Error.Details) - 1; n > 0 {
		head += fmt.Sprintf(" (+%d more)", n)
	}
	full, brief := refusal(c.Error, whole), refusal(c.Error, filepath.Base)
	if m.compact() {
		return []string{m.banner(m.st.Alarm, mark+m.fit(1, full, brief))}
	}
	why := m.fit(1, full, m.fit(whyLines, brief, refusal(withoutPath(c.Error), filepath.Base)))
	out := []string{m.banner(m.st.Alarm, mark+head)}
	for _, l := range component.Wrap(why, m.width-4, whyLines, m.st.Glyphs.Ellipsis) {
		out = append(out, m.banner(m.st.Alarm, "  "+l))
	}
	return out
}

func whole(file string) string { return file }

// withoutPath is an error that does not name the key it is about.
func withoutPath(e *control.Error) *control.Error {
	out := *e
	if len(e.Details) > 0 {
		d := e.Details[0]
		d.Path = ""
		out.Details = []control.Detail{d}
	}
	return &out
}

// fit chooses the first text that fits so many lines of a banner, or the last.
func (m *model) fit(lines int, texts ...string) string {
	for _, t := range texts {
		if len(component.Wrap(t, m.width-4, lines+1, "")) <= lines {
			return t
		}
	}
	return texts[len(texts)-1]
}

func refusal(e *control.Error, name func(string) string) string {
	if len(e.Details) == 0 {
		return e.Message
	}
	d := e.Details[0]
	var b strings.Builder
	if d.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", name(d.File), d.Line, d.Column)
	}
	if d.Path != "" {
		b.WriteString(d.Path + ": ")
	}
	b.WriteString(d.Message)
	if d.Hint != "" {
		b.WriteString(", " + d.Hint)
	}
	return b.String()
}

// footer is the line to type in, or the keys that matter now.
func (m *model) footer() string {
	if m.input != nil && m.question == nil && m.form == nil {
		return " " + m.input.Line(m.st, min(m.width-2, 40))
	}
	return component.Footer(m.st, m.footerKeys(), m.always(), m.width)
}

func (m *model) footerKeys() []key.Binding {
	show := func(name, does string) key.Binding {
		return key.NewBinding(key.WithKeys(name), key.WithHelp(name, does))
	}
	switch {
	case m.question != nil:
		return []key.Binding{show("enter", m.question.focused()), show("tab", "next"), show("esc", "cancel")}
	case m.form != nil:
		return []key.Binding{show("enter", "apply"), show(planKey, "plan, try, write"), show("tab", "next"), show("esc", "cancel")}
	case m.help:
		return []key.Binding{show("esc", "close"), show(m.keys.Select.Help().Key, "scroll")}
	case m.data == nil:
		return nil
	}
	return m.shown().Keys()
}

func (m *model) always() []key.Binding {
	if m.question != nil || m.form != nil || m.help {
		return nil
	}
	quit := m.keys.Quit
	quit.SetHelp("q", "detach")
	if m.opts.OwnsRuntime {
		quit.SetHelp("q", "leave")
	}
	return []key.Binding{m.keys.Help, quit}
}
