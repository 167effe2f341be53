package page

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// Config shows what was changed by hand beside what the file says, and beneath
// it the history of the config. One cursor goes through both.
type Config struct {
	base
	overrides, history component.Table
	list               component.List
	edits              []control.Override   // those the filter lets through
	past               []control.Generation // likewise
	all                []control.Generation
	failed             string // why there is no history
}

// Columns of what was changed by hand.
const (
	cfPath = iota
	cfFile
	cfValue
	cfSince
	cfExpires
	cfActor
	cfReason
)

// Columns of the history.
const (
	hiNumber = iota
	hiTime
	hiTrigger
	hiResult
	hiMessage
	hiActor
)

// NewConfig returns the page of the config.
func NewConfig(keys *Keys) *Config {
	return &Config{base: base{keys: keys},
		overrides: component.Table{Columns: []component.Column{
			cfPath:    {Title: "CHANGED BY HAND", Width: 24},
			cfFile:    {Title: "FILE", Width: 10, Want: 16},
			cfValue:   {Title: "RUNNING", Width: 10, Want: 16},
			cfSince:   {Title: "SINCE", Width: 5, Right: true, Rank: 2},
			cfExpires: {Title: "EXPIRES", Width: 7, Right: true, Rank: 1},
			cfActor:   {Title: "WHO", Width: 10, Want: 24, Rank: 3},
			cfReason:  {Title: "WHY", Width: 10, Want: 60, Fill: true, Rank: 11},
		}},
		history: component.Table{Columns: []component.Column{
			hiNumber:  {Title: "GEN", Width: 5, Right: true},
			hiTime:    {Title: "TIME", Width: 8},
			hiTrigger: {Title: "BY", Width: 8},
			hiResult:  {Title: "RESULT", Width: 9, Rank: 1},
			hiMessage: {Title: "WHAT", Width: 22, Want: 100, Fill: true, Rank: 1},
			hiActor:   {Title: "WHO", Width: 10, Want: 24, Fill: true, Rank: 2},
		}}}
}

// SetData takes new data.
func (c *Config) SetData(d *Data) {
	c.data = d
	c.choose()
}

// Past takes the history, newest first, or why there is none.
func (c *Config) Past(all []control.Generation, failed string) {
	c.all, c.failed = all, failed
	c.choose()
}

// Filter shows only what matches.
func (c *Config) Filter(pattern string) {
	c.filter = pattern
	c.choose()
}

// choose takes the rows that the filter lets through. The cursor stays on what it
// was on, however many entries the history gains.
func (c *Config) choose() {
	edit, entry := "", time.Time{}
	if e := c.edit(); e != nil {
		edit = e.Path
	} else if g := c.generation(); g != nil {
		entry = g.Time
	}
	c.edits, c.past = c.edits[:0], c.past[:0]
	if c.data == nil {
		return
	}
	path := 24
	for _, e := range editsOf(&c.data.Config) {
		if Match(c.filter, e.Path, e.Actor, e.Reason) {
			c.edits = append(c.edits, e)
			path = max(path, component.Width(printable.Text(Short(e.Path))))
		}
	}
	c.overrides.Columns[cfPath].Want = min(path, 60)
	for _, g := range c.all {
		if Match(c.filter, g.Actor, g.Trigger, g.Result, g.Message, g.Reason) {
			c.past = append(c.past, g)
		}
	}
	c.list.Go(c.find(edit, entry), c.rows())
}

// find is the row of a path or of an entry of the history, or that of the cursor if there is
// none.
func (c *Config) find(path string, entry time.Time) int {
	for i, e := range c.edits {
		if path != "" && e.Path == path {
			return i
		}
	}
	for i, g := range c.past {
		if !entry.IsZero() && g.Time.Equal(entry) {
			return len(c.edits) + i
		}
	}
	return c.list.Cursor
}

// editsOf are the overrides; of a runtime that knows no more than their paths,
// the paths.
func editsOf(s *control.ConfigStatus) []control.Override {
	if len(s.Edits) > 0 {
		return s.Edits
	}
	var out []control.Override
	for _, path := range s.Overrides {
		out = append(out, control.Override{Path: path})
	}
	return out
}

func (c *Config) rows() int { return len(c.edits) + len(c.past) }

// edit under the cursor, nil if there is none.
func (c *Config) edit() *control.Override {
	if i := c.list.Cursor; i < len(c.edits) {
		return &c.edits[i]
	}
	return nil
}

// generation under the cursor, nil if there is none.
func (c *Config) generation() *control.Generation {
	if i := c.list.Cursor - len(c.edits); i >= 0 && i < len(c.past) {
		return &c.past[i]
	}
	return nil
}

// HandleKey moves the cursor.
func (c *Config) HandleKey(k tea.KeyMsg) {
	scroll(c.keys, k, &c.list, c.rows(), c.height/2)
}

// Target is the value or the generation under the cursor.
func (c *Config) Target() Target {
	t := Target{Overrides: c.edits, Generation: c.generation(), Rows: c.rows() > 0, Files: true}
	if e := c.edit(); e != nil {
		t.Setting = &Setting{Path: e.Path, Value: e.Value, Override: e}
	}
	return t
}

// View draws both tables and, beneath them, what is selected in full.
func (c *Config) View(st *component.Styles) []string {
	if c.data == nil {
		return nil
	}
	lines := []string{c.status(st)}
	detail := c.detail(st)
	if c.compact() {
		detail = nil
	}
	room := max(1, c.height-len(lines)-len(detail))
	lines = append(lines, c.tables(st, room)...)
	for len(lines) < c.height-len(detail) {
		lines = append(lines, "")
	}
	return append(lines, detail...)
}

// status is where the config comes from.
func (c *Config) status(st *component.Styles) string {
	s := &c.data.Config
	line := component.Line{{Paint: st.Muted, Text: " file "}}
	if s.Path == "" {
		line = component.Line{{Paint: st.Muted, Text: " no file"}}
	} else {
		line = line.Add(st.Strong, s.Path)
	}
	if !s.LoadedAt.IsZero() {
		line = line.Add(st.Muted, "  read "+component.Age(c.data.age(s.LoadedAt))+" ago")
	}
	if s.Generation > 0 {
		line = line.Add(st.Muted, "  generation ").Add(st.Strong, fmt.Sprint(s.Generation))
	}
	return line.Render(c.width, st.Glyphs.Ellipsis)
}

// tables draws the part of both tables around the cursor that room lines have
// place for, each with its head.
func (c *Config) tables(st *component.Styles, room int) []string {
	all, at := c.drawn(st)
	from := 0
	if len(all) > room {
		from = max(0, min(at-room/2, len(all)-room))
	}
	c.from, c.n = 0, c.rows()
	c.to = c.n
	if len(all) > room {
		c.to = min(c.n, room)
	}
	return all[from:min(len(all), from+room)]
}

// drawn is everything, and the line of the cursor.
func (c *Config) drawn(st *component.Styles) (lines []string, at int) {
	c.overrides.Layout(c.width)
	c.history.Layout(c.width)
	lines = append(lines, "")
	if len(c.edits) == 0 {
		lines = append(lines, component.Line{{Paint: st.Muted, Text: " " + c.nothingByHand()}}.Render(c.width, st.Glyphs.Ellipsis))
	} else {
		lines = append(lines, c.overrides.Head(st))
	}
	for i := range c.edits {
		if i == c.list.Cursor {
			at = len(lines)
		}
		lines = append(lines, c.editRow(st, i))
	}
	lines = append(lines, "")
	switch {
	case c.failed != "":
		lines = append(lines, component.Line{{Paint: st.Bad, Text: " " + st.Glyphs.Failed + " no history: " + c.failed}}.Render(c.width, st.Glyphs.Ellipsis))
	case len(c.past) == 0:
		lines = append(lines, component.Line{{Paint: st.Muted, Text: " no history yet"}}.Render(c.width, ""))
	default:
		lines = append(lines, c.history.Head(st))
	}
	for i := range c.past {
		if i+len(c.edits) == c.list.Cursor {
			at = len(lines)
		}
		lines = append(lines, c.pastRow(st, i))
	}
	return lines, at
}

func (c *Config) nothingByHand() string {
	switch {
	case c.filter != "":
		return "no change made by hand matches " + c.filter
	case c.data.Config.Path == "":
		return "nothing has been changed by hand since the start"
	}
	return "nothing has been changed by hand: the file is running"
}

func (c *Config) editRow(st *component.Styles, i int) string {
	e := &c.edits[i]
	return c.overrides.Row(st, i == c.list.Cursor, func(column int) component.Cell {
		switch column {
		case cfPath:
			return component.Cell{Paint: st.Strong, Text: Short(e.Path)}
		case cfFile:
			return component.Cell{Text: orDash(st, e.File)}
		case cfValue:
			return component.Cell{Paint: st.Warn, Text: orDash(st, e.Value)}
		case cfSince:
			return component.Cell{Paint: st.Muted, Text: c.since(st, e)}
		case cfExpires:
			return component.Cell{Text: c.expires(e)}
		case cfActor:
			return component.Cell{Paint: st.Muted, Text: e.Actor}
		case cfReason:
			return component.Cell{Paint: st.Muted, Text: e.Reason}
		}
		return component.Cell{}
	})
}

func (c *Config) since(st *component.Styles, e *control.Override) string {
	if e.Since.IsZero() {
		return st.Glyphs.Dash
	}
	return component.Age(c.data.age(e.Since))
}

func (c *Config) expires(e *control.Override) string {
	if e.Expires == nil {
		return "never"
	}
	return Left(e.Expires.Sub(c.data.Time))
}

func orDash(st *component.Styles, value string) string {
	if value == "" {
		return st.Glyphs.Dash
	}
	return Brief(value)
}

func (c *Config) pastRow(st *component.Styles, i int) string {
	g := &c.past[i]
	return c.history.Row(st, i+len(c.edits) == c.list.Cursor, func(column int) component.Cell {
		switch column {
		case hiNumber:
			if g.Number == 0 { // an attempt
				return component.Cell{Paint: st.Muted, Text: st.Glyphs.Dash}
			}
			mark := ""
			if g.Number == c.data.Config.Generation {
				mark = "*"
			}
			return component.Cell{Paint: st.Strong, Text: mark + fmt.Sprint(g.Number)}
		case hiTime:
			return component.Cell{Paint: st.Muted, Text: eventTime(c.data.Time, g.Time)}
		case hiTrigger:
			return component.Cell{Text: g.Trigger}
		case hiResult:
			if g.Result == control.ResultRefused {
				return component.Cell{Paint: st.Bad, Text: st.Glyphs.Failed + " " + g.Result}
			}
			return component.Cell{Paint: st.Good, Text: g.Result}
		case hiActor:
			return component.Cell{Paint: st.Muted, Text: g.Actor}
		case hiMessage:
			return component.Cell{Text: g.Message}
		}
		return component.Cell{}
	})
}

// detail is what is selected, in full.
func (c *Config) detail(st *component.Styles) []string {
	if c.height < 12 {
		return nil
	}
	var head, text string
	switch e, g := c.edit(), c.generation(); {
	case e != nil:
		head, text = e.Path, c.editText(e)
	case g != nil:
		head, text = fmt.Sprintf("%s  %s", g.Name(), g.Time.Format(time.DateTime)), pastText(g)
	default:
		return nil
	}
	out := []string{component.Rule(st, []component.Line{{{Paint: st.Muted, Text: head}}}, nil, c.width)}
	lines := component.Wrap(text, c.width-2, 3, st.Glyphs.Ellipsis)
	for i := range 3 {
		line := component.Line{}
		if i < len(lines) {
			line = line.Add(st.Text, " "+lines[i])
		}
		out = append(out, line.Render(c.width, ""))
	}
	return out
}

func (c *Config) editText(e *control.Override) string {
	var parts []string
	if e.Actor != "" {
		parts = append(parts, "by "+e.Actor)
	}
	if e.Reason != "" {
		parts = append(parts, "because: "+e.Reason)
	}
	if !e.Since.IsZero() {
		parts = append(parts, "since "+e.Since.Format(time.DateTime))
	}
	if e.Expires != nil {
		parts = append(parts, "until "+e.Expires.Format(time.DateTime)+", then the file's value")
	}
	if e.Base != e.File {
		parts = append(parts, "the file had "+e.Base+" when it was changed")
	}
	return strings.Join(parts, "; ")
}

func pastText(g *control.Generation) string {
	text := g.Message
	if g.Reason != "" {
		text += " (" + g.Reason + ")"
	}
	if g.Actor != "" {
		text += "; by " + g.Actor
	}
	values := fmt.Sprintf("%d values", len(g.Changes))
	if len(g.Changes) == 1 {
		values = "1 value"
	}
	return text + fmt.Sprintf("; %s by %s, %s, in %s ms", g.Result, g.Trigger, values, component.Millis(g.DurationMS))
}
