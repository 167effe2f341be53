package page

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// Overview has a row per listener.
type Overview struct {
	base
	table    component.Table
	list     component.List
	rows     []*Listener // those the filter lets through
	selected string
}

// Columns of the overview.
const (
	ovName = iota
	ovProtocol
	ovAddress
	ovState
	ovReady
	ovConns
	ovRequests
	ovErrors
	ovP50
	ovP99
	ovIn
	ovOut
	ovChart
)

// NewOverview returns the first page.
func NewOverview(keys *Keys) *Overview {
	return &Overview{base: base{keys: keys}, table: component.Table{Columns: []component.Column{
		ovName:     {Title: "NAME", Width: 8},
		ovProtocol: {Title: "PROTO", Width: 5, Rank: 7},
		ovAddress:  {Title: "ADDRESS", Width: 15, Rank: 5},
		ovState:    {Title: "STATE", Width: 10},
		ovReady:    {Title: "READY", Width: 6, Right: true, Rank: 3},
		ovConns:    {Title: "ACT/IDLE", Width: 9, Right: true, Rank: 1},
		ovRequests: {Title: "REQ/S", Width: 5, Right: true, Rank: 2},
		ovErrors:   {Title: "ERR/S", Width: 5, Right: true, Rank: 4},
		ovP50:      {Title: "P50 MS", Width: 6, Right: true, Rank: 10},
		ovP99:      {Title: "P99 MS", Width: 6, Right: true, Rank: 11},
		ovIn:       {Title: "IN/S", Width: 5, Right: true, Rank: 13},
		ovOut:      {Title: "OUT/S", Width: 5, Right: true, Rank: 12},
		ovChart:    {Title: "LAST MINUTE", Short: "LAST MIN", Width: 8, Want: 60, Fill: true, Rank: 6},
	}}}
}

// Selected is the name of the listener under the cursor.
func (o *Overview) Selected() string { return o.selected }

// SetData takes new data; the cursor stays on its listener.
func (o *Overview) SetData(d *Data) {
	o.data = d
	o.choose()
}

// Filter shows only what matches.
func (o *Overview) Filter(pattern string) {
	o.filter = pattern
	o.choose()
}

func (o *Overview) choose() {
	o.rows = o.rows[:0]
	if o.data == nil {
		return
	}
	name, address, state := 8, 15, 10
	for i := range o.data.Listeners {
		l := &o.data.Listeners[i]
		if !Match(o.filter, l.Name, l.Protocol, l.Address, l.State, l.Reason) {
			continue
		}
		if l.Name == o.selected {
			o.list.Go(len(o.rows), len(o.rows)+1)
		}
		o.rows = append(o.rows, l)
		name = max(name, component.Width(printable.Text(l.Name)))
		address = max(address, component.Width(printable.Text(l.Address)))
		if l.State == control.StateDraining {
			state = max(state, 2+len(left(l.Connections.Active+l.Connections.Idle)))
		}
	}
	o.table.Columns[ovName].Want = min(name, 32)
	o.table.Columns[ovAddress].Want = min(address, 47)
	o.table.Columns[ovState].Width = state
	o.pick()
}

// pick remembers which listener is under the cursor.
func (o *Overview) pick() {
	o.list.Go(o.list.Cursor, len(o.rows))
	o.selected = ""
	if len(o.rows) > 0 {
		o.selected = o.rows[o.list.Cursor].Name
	}
}

// HandleKey moves the cursor.
func (o *Overview) HandleKey(k tea.KeyMsg) {
	if scroll(o.keys, k, &o.list, len(o.rows), o.height-2) {
		o.pick()
	}
}

// Target is the listener under the cursor.
func (o *Overview) Target() Target {
	if len(o.rows) == 0 {
		return Target{}
	}
	return Target{Listener: o.rows[o.list.Cursor], Rows: true, Files: true}
}

// View draws the totals, the listeners, and events where there is room.
func (o *Overview) View(st *component.Styles) []string {
	if o.compact() {
		return o.compactLines(st)
	}
	lines := []string{o.totals(st)}
	if o.height > 10 {
		lines = append(lines, "")
	}
	if len(o.rows) == 0 {
		return append(lines, o.nothing(st)...)
	}
	o.table.Layout(o.width)
	lines = append(lines, o.table.Head(st))
	reason := o.reason(st)
	room := o.height - len(lines) - len(reason)
	from, to := o.window(&o.list, room, len(o.rows))
	for i := from; i < to; i++ {
		lines = append(lines, o.row(st, i))
	}
	lines = append(lines, reason...)
	return append(lines, o.events(st, o.height-len(lines))...)
}

func (o *Overview) row(st *component.Styles, i int) string {
	l := o.rows[i]
	return o.table.Row(st, i == o.list.Cursor, func(column int) component.Cell {
		switch column {
		case ovName:
			return component.Cell{Paint: st.Strong, Text: l.Name}
		case ovProtocol:
			return component.Cell{Paint: st.Muted, Text: l.Protocol}
		case ovAddress:
			return component.Cell{Text: l.Address}
		case ovState:
			return listenerState(st, l).cell()
		case ovReady:
			return readyCell(st, l)
		case ovConns:
			return component.Cell{Text: component.Short(l.Connections.Active) + "/" + component.Short(l.Connections.Idle)}
		case ovRequests:
			return component.Cell{Text: component.Rate(l.Requests, st.Glyphs.Dash)}
		case ovErrors:
			return component.Cell{Paint: errorPaint(st, l.Errors), Text: component.Rate(l.Errors, st.Glyphs.Dash)}
		case ovP50:
			return component.Cell{Text: component.Millis(l.Latency.P50)}
		case ovP99:
			return component.Cell{Text: component.Millis(l.Latency.P99)}
		case ovIn:
			return component.Cell{Text: component.Bytes(l.In, st.Glyphs.Dash)}
		case ovOut:
			return component.Cell{Text: component.Bytes(l.Out, st.Glyphs.Dash)}
		case ovChart:
			width := o.table.ColumnWidth(ovChart)
			return component.Cell{Line: lastMinute(st, o.data, l, width)}
		}
		return component.Cell{}
	})
}

// readyCell is workers ready of wanted; the one worker of a listener served in
// the master process is the master itself, which is not counted.
func readyCell(st *component.Styles, l *Listener) component.Cell {
	switch {
	case !l.Enabled && l.State == control.StateStopped:
		return component.Cell{Paint: st.Muted, Text: st.Glyphs.Dash}
	case !l.Prefork:
		return component.Cell{Paint: st.Muted, Text: "master"}
	case l.WorkersReady < l.WorkersWanted:
		return component.Cell{Paint: st.Warn, Text: fmt.Sprintf("%d/%d", l.WorkersReady, l.WorkersWanted)}
	}
	return component.Cell{Text: fmt.Sprintf("%d/%d", l.WorkersReady, l.WorkersWanted)}
}

// lastMinute draws the requests of the last 60 seconds in width cells; seconds
// with errors are marked.
func lastMinute(st *component.Styles, d *Data, l *Listener, width int) component.Line {
	requests, errors := make([]float64, len(l.History)), make([]float64, len(l.History))
	for i, p := range l.History {
		requests[i], errors[i] = float64(p.Requests), float64(p.Errors)
	}
	newest := d.Time.Unix()
	bad := component.Buckets(errors, newest, width, 60)
	return component.Spark(st, component.Buckets(requests, newest, width, 60), 0, func(i int) bool { return bad[i] > 0 })
}

// totals is the strip above the table.
func (o *Overview) totals(st *component.Styles) string {
	t := o.data.Total
	return totalsLine(st, o.width, []component.Line{
		pairs(st, "connections", component.Count(t.Active), "active", component.Count(t.Idle), "idle"),
		pairs(st, "requests", component.Rate(t.Requests, "0")+"/s"),
		erring(st, t.Errors),
		pairs(st, "out", component.Bytes(t.Out, "0")+"/s"),
		pairs(st, "in", component.Bytes(t.In, "0")+"/s"),
		pairs(st, "listeners", fmt.Sprint(serving(o.data)), "of "+fmt.Sprint(len(o.data.Listeners))),
	})
}

func totalsLine(st *component.Styles, width int, groups []component.Line) string {
	line := component.Line{{Paint: st.Text, Text: " "}}
	return append(line, component.Items(groups, width-2, 3)...).Render(width, st.Glyphs.Ellipsis)
}

// pairs writes a label and then values, each with what it counts.
func pairs(st *component.Styles, label string, texts ...string) component.Line {
	line := component.Line{{Paint: st.Muted, Text: label + " "}}
	for i, t := range texts {
		if i%2 == 0 {
			line = line.Add(st.Strong, t)
		} else if i+1 < len(texts) {
			line = line.Add(st.Muted, " "+t+"  ")
		} else {
			line = line.Add(st.Muted, " "+t)
		}
	}
	return line
}

func erring(st *component.Styles, rate float64) component.Line {
	paint := st.Strong
	if rate > 0 {
		paint = st.Bad
	}
	return component.Line{{Paint: st.Muted, Text: "errors "}, {Paint: paint, Text: component.Rate(rate, "0") + "/s"}}
}

func serving(d *Data) (n int) {
	for i := range d.Listeners {
		if s := d.Listeners[i].State; s == control.StateServing || s == control.StateDegraded {
			n++
		}
	}
	return n
}

// reason is why the selected listener is not as it should be, if it is not.
func (o *Overview) reason(st *component.Styles) []string {
	l := o.rows[o.list.Cursor]
	if l.Reason == "" {
		return nil
	}
	s := stateOf(st, l.State)
	line := component.Line{{Paint: s.paint, Text: " " + s.glyph + " " + l.Name + ": "}, {Paint: st.Text, Text: l.Reason}}
	out := []string{line.Render(o.width, st.Glyphs.Ellipsis)}
	if o.height > 10 {
		out = append([]string{""}, out...)
	}
	return out
}

// events shows the newest ones beneath the table, if there is room for a few.
func (o *Overview) events(st *component.Styles, room int) []string {
	if room < 5 || len(o.data.Events) == 0 {
		return nil
	}
	out := []string{"", component.Line{{Paint: st.Muted, Text: " latest events"}}.Render(o.width, "")}
	return append(out, eventLines(st, o.data, o.width, room-2, "")...)
}

// nothing says why there is no row.
func (o *Overview) nothing(st *component.Styles) []string {
	if o.filter != "" {
		return say(st, o.width, "no listener matches "+o.filter, "esc shows all")
	}
	where := "the config"
	if p := o.data.Config.Path; p != "" {
		where = p
	}
	return say(st, o.width, "no listeners", "add one to "+where+"; it serves as soon as you save the file")
}

// say writes a headline and what to do.
func say(st *component.Styles, width int, what, then string) []string {
	lines := []string{"", component.Line{{Paint: st.Strong, Text: " " + what}}.Render(width, st.Glyphs.Ellipsis)}
	for _, l := range component.Wrap(then, width-2, 3, st.Glyphs.Ellipsis) {
		lines = append(lines, component.Line{{Paint: st.Muted, Text: " " + l}}.Render(width, ""))
	}
	return lines
}

// compactLines is a line per listener, for the smallest windows.
func (o *Overview) compactLines(st *component.Styles) []string {
	if len(o.rows) == 0 {
		return o.nothing(st)[1:]
	}
	var lines []string
	from, to := o.window(&o.list, o.height, len(o.rows))
	for i := from; i < to; i++ {
		lines = append(lines, o.compactLine(st, o.rows[i], i == o.list.Cursor))
	}
	return lines
}

func (o *Overview) compactLine(st *component.Styles, l *Listener, selected bool) string {
	mark := " "
	if selected {
		mark = st.Glyphs.Cursor
	}
	s := listenerState(st, l)
	right := component.Line{}.
		Add(st.Text, component.Short(l.Connections.Active+l.Connections.Idle)).Add(st.Muted, "c ").
		Add(st.Text, pad(component.Rate(l.Requests, st.Glyphs.Dash), 5)).Add(st.Muted, "/s")
	left := component.Line{{Paint: st.Accent, Text: mark}}.Add(s.paint, s.glyph+" ").Add(st.Strong, l.Name)
	ready := strings.TrimSpace(readyCell(st, l).Text)
	for _, more := range []component.Line{{{Paint: s.paint, Text: " " + s.word}}, {{Paint: st.Muted, Text: " " + ready}}} {
		if o.width >= 32 && left.Width()+more.Width()+right.Width() < o.width {
			left = append(left, more...)
		}
	}
	return component.Spread(left, right, o.width, st.Glyphs.Ellipsis)
}

func pad(s string, width int) string {
	return strings.Repeat(" ", max(0, width-component.Width(s))) + s
}
