package page

import (
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// Events shows what happened, the newest first, and the selected one in full.
type Events struct {
	base
	list component.List
	rows []*control.Event
	seq  uint64 // of the selected event; 0 follows the newest
}

// NewEvents returns the page of all events.
func NewEvents(keys *Keys) *Events { return &Events{base: base{keys: keys}} }

// SetData takes new data; the cursor stays on its event, or on the newest if that
// was selected.
func (e *Events) SetData(d *Data) {
	e.data = d
	e.choose()
}

// Filter shows only what matches.
func (e *Events) Filter(pattern string) {
	e.filter = pattern
	e.choose()
}

func (e *Events) choose() {
	e.rows = e.rows[:0]
	if e.data == nil {
		return
	}
	at := 0
	for i := len(e.data.Events) - 1; i >= 0; i-- {
		v := &e.data.Events[i]
		if !Match(e.filter, v.Level, v.Listener, v.Actor, v.Message) {
			continue
		}
		if v.Seq == e.seq {
			at = len(e.rows)
		}
		e.rows = append(e.rows, v)
	}
	e.list.Go(at, len(e.rows))
}

// HandleKey moves the cursor.
func (e *Events) HandleKey(k tea.KeyMsg) {
	if scroll(e.keys, k, &e.list, len(e.rows), e.height-4) {
		e.seq = 0
		if e.list.Cursor > 0 {
			e.seq = e.rows[e.list.Cursor].Seq
		}
	}
}

// Target has no action yet.
func (e *Events) Target() Target { return Target{Rows: len(e.rows) > 0} }

// View draws the list and, beneath it, the whole text of the selected event.
func (e *Events) View(st *component.Styles) []string {
	switch {
	case e.data == nil:
		return nil
	case len(e.rows) == 0 && e.filter != "":
		return say(st, e.width, "no event matches "+e.filter, "esc shows all")
	case len(e.rows) == 0:
		return say(st, e.width, "nothing has happened yet", "starts, stops, crashes and changes are listed here")
	}
	detail := e.detail(st)
	var lines []string
	from, to := e.window(&e.list, e.height-len(detail), len(e.rows))
	for i := from; i < to; i++ {
		lines = append(lines, eventLine(st, e.data, e.rows[i], e.width, "", i == e.list.Cursor))
	}
	for len(lines) < e.height-len(detail) {
		lines = append(lines, "")
	}
	return append(lines, detail...)
}

// detail is the selected event in full.
func (e *Events) detail(st *component.Styles) []string {
	if e.height < 10 || e.list.Cursor >= len(e.rows) {
		return nil
	}
	v := e.rows[e.list.Cursor]
	head := component.Line{{Paint: st.Muted, Text: fmt.Sprintf("%s  no. %d of %d shown", v.Time.Format(time.DateTime), e.list.Cursor+1, len(e.rows))}}
	out := []string{component.Rule(st, []component.Line{head}, nil, e.width)}
	texts := component.Wrap(who(v)+v.Message, e.width-2, 3, st.Glyphs.Ellipsis)
	for i := range 3 {
		line := component.Line{}
		if i < len(texts) {
			line = line.Add(st.Text, " "+texts[i])
		}
		out = append(out, line.Render(e.width, ""))
	}
	return out
}

// who did it, to whom.
func who(v *control.Event) string {
	s := ""
	if v.Listener != "" {
		s = v.Listener
		if v.Worker != nil {
			s += fmt.Sprintf(" worker %d", *v.Worker)
		}
		s += ": "
	}
	if v.Actor != "" {
		s += "by " + v.Actor + ": "
	}
	return s
}

// eventLines are the newest events, at most limit; of one listener if given.
func eventLines(st *component.Styles, d *Data, width, limit int, listener string) []string {
	var out []string
	for i := len(d.Events) - 1; i >= 0 && len(out) < limit; i-- {
		v := &d.Events[i]
		if listener == "" || v.Listener == listener {
			out = append(out, eventLine(st, d, v, width, listener, false))
		}
	}
	return out
}

// eventLine is one event in one line; inside is the listener that goes without
// saying.
func eventLine(st *component.Styles, d *Data, v *control.Event, width int, inside string, selected bool) string {
	mark := component.Span{Text: " "}
	if selected {
		mark = component.Span{Paint: st.Accent, Text: st.Glyphs.Cursor}
	}
	level := levelOf(st, v.Level)
	line := component.Line{mark,
		{Paint: st.Muted, Text: eventTime(d.Time, v.Time) + "  "},
		{Paint: level.paint, Text: level.glyph + " " + fmt.Sprintf("%-5.5s", level.word) + "  "},
	}
	if v.Listener != "" && v.Listener != inside {
		line = line.Add(st.Strong, v.Listener+"  ")
	}
	line = line.Add(st.Text, v.Message)
	if v.Actor != "" {
		line = line.Add(st.Muted, "  by "+v.Actor)
	}
	if selected {
		return line.Select(st, width)
	}
	return line.Render(width, st.Glyphs.Ellipsis)
}

// eventTime is the time of day, or the day if that is another one.
func eventTime(now, t time.Time) string {
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format(time.TimeOnly)
	}
	return t.Format("Jan 02  ")
}
