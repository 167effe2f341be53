package page

import (
	"strconv"
	"strings"
	"sync"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// Settings is the page of all settings of one listener.
type Settings struct {
	base
	name  string
	table component.Table
	list  component.List
	rows  []config.Key
	// running is the config that runs, nil while it is not known.
	running *config.Config
	failed  string // why it is not
}

// Columns of the settings.
const (
	seName = iota
	seValue
	seDefault
	seEffect
	seDoc
)

// NewSettings returns the page of settings; [Settings.Of] says of which listener.
func NewSettings(keys *Keys) *Settings {
	return &Settings{base: base{keys: keys}, table: component.Table{Columns: []component.Column{
		seName:    {Title: "SETTING", Width: 28},
		seValue:   {Title: "VALUE", Width: 18, Want: 30},
		seDefault: {Title: "DEFAULT", Width: 9, Rank: 1},
		seEffect:  {Title: "EFFECT", Width: 7, Rank: 2},
		seDoc:     {Title: "WHAT IT IS", Width: 20, Want: 110, Fill: true, Rank: 10},
	}}}
}

// below is what paths of listeners begin with in the reference.
const below = "listeners.*."

// settings are the keys of a listener that are a single value, in the order of
// the reference.
var settings = sync.OnceValue(func() (out []config.Key) {
	for _, k := range config.Keys() {
		rest, ok := strings.CutPrefix(k.Path, below)
		if ok && !strings.Contains(rest, "*") && k.Type != "list" && k.Type != "map" {
			out = append(out, k)
		}
	}
	return out
})

// Of shows the settings of the listener of that name from now on.
func (s *Settings) Of(name string) {
	if s.name != name {
		s.name, s.list, s.filter = name, component.List{}, ""
	}
	s.choose()
}

// Running takes the config that runs, or why it is not known.
func (s *Settings) Running(c *config.Config, failed string) { s.running, s.failed = c, failed }

// SetData takes new data.
func (s *Settings) SetData(d *Data) {
	s.data = d
	s.choose()
}

// Filter shows only what matches.
func (s *Settings) Filter(pattern string) {
	s.filter = pattern
	s.choose()
}

func (s *Settings) choose() {
	s.rows = s.rows[:0]
	for _, k := range settings() {
		if Match(s.filter, setting(k), k.Doc) {
			s.rows = append(s.rows, k)
		}
	}
	s.list.Go(s.list.Cursor, len(s.rows))
}

// setting is what follows the name of the listener in a path.
func setting(k config.Key) string { return strings.TrimPrefix(k.Path, below) }

func (s *Settings) path(k config.Key) string { return "listeners." + s.name + "." + setting(k) }

// value that runs: the config knows all, the snapshot a few.
func (s *Settings) value(k config.Key) (string, bool) {
	if s.running != nil {
		if v, ok := s.running.Get(s.path(k)); ok {
			return v, true
		}
		return "", true
	}
	v, ok := shownIn(s.data.Listener(s.name))[setting(k)]
	return v, ok
}

// shownIn are the settings that a snapshot tells of.
func shownIn(l *Listener) map[string]string {
	if l == nil {
		return nil
	}
	workers := "0"
	if l.Prefork {
		workers = strconv.Itoa(l.WorkersWanted)
	}
	t, m := l.Timeouts, l.Limits
	return map[string]string{
		"protocol": l.Protocol, "enabled": strconv.FormatBool(l.Enabled), "prefork.workers": workers,
		"timeouts.read": t.Read, "timeouts.read_header": t.ReadHeader, "timeouts.write": t.Write,
		"timeouts.request": t.Request, "timeouts.response": t.Response,
		"timeouts.idle": t.Idle, "timeouts.shutdown": t.Shutdown,
		"limits.min_rate.rate": sized(m.MinRate.Rate), "limits.min_rate.grace": m.MinRate.Grace,
		"limits.max_connections": strconv.Itoa(m.MaxConnections), "limits.accept_rate": strconv.Itoa(m.AcceptRate),
		"limits.max_header_bytes": sized(m.MaxHeaderBytes), "limits.max_request_bytes": sized(m.MaxRequestBytes),
	}
}

func sized(n int64) string {
	if n == 0 {
		return "0"
	}
	return size(n)
}

// override of a path, nil if it is as in the file.
func (s *Settings) override(path string) *control.Override {
	for _, e := range editsOf(&s.data.Config) {
		if e.Path == path {
			return &e
		}
	}
	return nil
}

// HandleKey moves the cursor.
func (s *Settings) HandleKey(k tea.KeyMsg) {
	scroll(s.keys, k, &s.list, len(s.rows), s.height-5)
}

// Target is the setting under the cursor.
func (s *Settings) Target() Target {
	t := Target{Inside: true, Rows: len(s.rows) > 0}
	if len(s.rows) == 0 || s.data.Listener(s.name) == nil {
		return t
	}
	at := s.rows[s.list.Cursor]
	value, _ := s.value(at)
	path := s.path(at)
	t.Setting = &Setting{Path: path, Value: Brief(value), Override: s.override(path)}
	return t
}

// View draws the settings and, beneath them, what the selected one means.
func (s *Settings) View(st *component.Styles) []string {
	switch {
	case s.data == nil:
		return nil
	case s.data.Listener(s.name) == nil:
		return say(st, s.width, "the listener "+s.name+" no longer exists", "esc goes back")
	case len(s.rows) == 0:
		return say(st, s.width, "no setting matches "+s.filter, "esc shows all")
	}
	detail := s.detail(st)
	s.table.Layout(s.width)
	lines := []string{s.table.Head(st)}
	if s.height < 6 {
		lines, detail = nil, nil
	}
	from, to := s.window(&s.list, s.height-len(lines)-len(detail), len(s.rows))
	for i := from; i < to; i++ {
		lines = append(lines, s.row(st, i))
	}
	for len(lines) < s.height-len(detail) {
		lines = append(lines, "")
	}
	return append(lines, detail...)
}

func (s *Settings) row(st *component.Styles, i int) string {
	k := s.rows[i]
	return s.table.Row(st, i == s.list.Cursor, func(column int) component.Cell {
		switch column {
		case seName:
			return component.Cell{Paint: st.Strong, Text: setting(k)}
		case seValue:
			return s.valueCell(st, k)
		case seDefault:
			return component.Cell{Paint: st.Muted, Text: orDash(st, k.Default)}
		case seEffect:
			return component.Cell{Paint: st.Muted, Text: string(k.Effect)}
		case seDoc:
			return component.Cell{Paint: st.Muted, Text: k.Doc}
		}
		return component.Cell{}
	})
}

// valueCell marks what differs from the file.
func (s *Settings) valueCell(st *component.Styles, k config.Key) component.Cell {
	value, known := s.value(k)
	switch {
	case !known:
		return component.Cell{Paint: st.Muted, Text: "?"}
	case s.override(s.path(k)) != nil:
		return component.Cell{Paint: st.Warn, Text: orDash(st, value) + " by hand"}
	}
	return component.Cell{Text: orDash(st, value)}
}

// detail explains the selected setting.
func (s *Settings) detail(st *component.Styles) []string {
	if s.height < 10 {
		return nil
	}
	k := s.rows[s.list.Cursor]
	head := s.path(k)
	if s.failed != "" {
		head += "  (some values are unknown: " + s.failed + ")"
	}
	out := []string{component.Rule(st, []component.Line{{{Paint: st.Muted, Text: head}}}, nil, s.width)}
	lines := component.Wrap(Explained(k), s.width-2, 4, st.Glyphs.Ellipsis)
	for i := range 4 {
		line := component.Line{}
		if i < len(lines) {
			line = line.Add(st.Text, " "+lines[i])
		}
		out = append(out, line.Render(s.width, ""))
	}
	return out
}

// Explained is what there is to know of a key before one changes it: what it
// means, which values it takes, and how a change takes effect.
func Explained(k config.Key) string {
	text := k.Doc
	switch {
	case len(k.Choices) > 0:
		text += " One of " + strings.Join(k.Choices, ", ") + "."
	case k.Min != "":
		text += " From " + Brief(k.Min) + " to " + Brief(k.Max)
		if k.Never != "" {
			text += ", or " + k.Never
		}
		text += "."
	}
	if k.Default != "" {
		text += " Default " + Brief(k.Default) + "."
	}
	return text + " Takes effect: " + strings.TrimPrefix(k.TakesEffect, string(k.Effect)+": ") + "."
}
