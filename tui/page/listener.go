package page

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// Workers is the page of one listener: a row per worker.
type Workers struct {
	base
	name  string
	table component.Table
	list  component.List
	rows  []*Worker
	lis   *Listener // nil if there is none of that name
}

// Columns of the worker table.
const (
	woID = iota
	woPID
	woState
	woAge
	woActive
	woIdle
	woTotal
	woRequests
	woErrors
	woCPU
	woMemory
	woRestarts
	woNote
)

// NewWorkers returns the page of one listener; [Workers.Of] says which.
func NewWorkers(keys *Keys) *Workers {
	return &Workers{base: base{keys: keys}, table: component.Table{Columns: []component.Column{
		woID:       {Title: "ID", Width: 3, Right: true},
		woPID:      {Title: "PID", Width: 6, Right: true, Rank: 5},
		woState:    {Title: "STATE", Width: 10},
		woAge:      {Title: "AGE", Width: 4, Right: true, Rank: 4},
		woActive:   {Title: "ACTIVE", Short: "ACT", Width: 4, Want: 6, Right: true, Rank: 1},
		woIdle:     {Title: "IDLE", Width: 4, Want: 5, Right: true, Rank: 1},
		woTotal:    {Title: "TOTAL", Width: 5, Right: true, Rank: 7},
		woRequests: {Title: "REQ/S", Width: 5, Right: true, Rank: 2},
		woErrors:   {Title: "ERRORS", Short: "ERR", Width: 5, Want: 6, Right: true, Rank: 10},
		woCPU:      {Title: "CPU", Width: 4, Right: true, Rank: 3},
		woMemory:   {Title: "MEM", Width: 5, Right: true, Rank: 6},
		woRestarts: {Title: "RESTARTS", Short: "RST", Width: 3, Want: 8, Right: true, Rank: 8},
		woNote:     {Title: "", Width: 12, Want: 40, Fill: true, Rank: 11},
	}}}
}

// Of shows the listener of that name from now on.
func (w *Workers) Of(name string) {
	if w.name != name {
		w.name, w.list, w.filter = name, component.List{}, ""
	}
	w.choose()
}

// Name of the listener shown.
func (w *Workers) Name() string { return w.name }

// SetData takes new data.
func (w *Workers) SetData(d *Data) {
	w.data = d
	w.choose()
}

// Filter shows only workers that match.
func (w *Workers) Filter(pattern string) {
	w.filter = pattern
	w.choose()
}

func (w *Workers) choose() {
	w.rows, w.lis = w.rows[:0], w.data.Listener(w.name)
	if w.lis == nil {
		return
	}
	state := 10
	for i := range w.lis.Workers {
		k := &w.lis.Workers[i]
		if !Match(w.filter, k.State, fmt.Sprint(k.PID), k.LastExit) {
			continue
		}
		w.rows = append(w.rows, k)
		if k.State == control.WorkerDraining {
			state = max(state, 2+len(left(k.Connections.Active+k.Connections.Idle)))
		}
	}
	w.table.Columns[woState].Width = state
	w.list.Go(w.list.Cursor, len(w.rows))
}

// HandleKey moves the cursor.
func (w *Workers) HandleKey(k tea.KeyMsg) {
	scroll(w.keys, k, &w.list, len(w.rows), w.height/2)
}

// Target is the listener, and the worker under the cursor.
func (w *Workers) Target() Target {
	return Target{Listener: w.lis, Inside: true, Worker: w.selected(), Rows: w.lis != nil, Files: w.lis != nil}
}

// selected is the worker under the cursor, nil if there is none.
func (w *Workers) selected() *Worker {
	if w.list.Cursor < len(w.rows) {
		return w.rows[w.list.Cursor]
	}
	return nil
}

// View draws what there is to know of the listener. When room is short, the
// workers keep theirs longest.
func (w *Workers) View(st *component.Styles) []string {
	switch {
	case w.data == nil:
		return nil
	case w.lis == nil:
		return say(st, w.width, "the listener "+w.name+" no longer exists", "esc goes back to the list")
	}
	lines := w.head(st)
	foot := w.settings(st)
	const workersAndHead = 3
	least := workersAndHead // lines of the table
	if w.compact() {
		foot, least = nil, 1
		lines = lines[:min(2, len(lines), max(1, w.height-2))]
	} else {
		foot = w.beneath(st, w.height-len(lines)-min(len(w.rows)+1, 6), foot)
	}
	lines = append(lines, w.workers(st, max(least, w.height-len(lines)-len(foot)))...)
	lines = append(lines, foot...)
	if room := w.height - len(lines); room >= 4 {
		if events := eventLines(st, w.data, w.width, room-2, w.name); len(events) > 0 {
			lines = append(lines, "", component.Line{{Paint: st.Muted, Text: " latest events here"}}.Render(w.width, ""))
			lines = append(lines, events...)
		}
	}
	return lines
}

// head is the listener in a few lines.
func (w *Workers) head(st *component.Styles) []string {
	l := w.lis
	ready := fmt.Sprintf("%d of %d workers ready", l.WorkersReady, l.WorkersWanted)
	if !l.Prefork {
		ready = "in the master process"
	}
	title := component.Line{{Paint: st.Text, Text: " "}, {Paint: st.Accent, Text: l.Name + "  "}}
	title = append(title, listenerState(st, l).spans()...)
	title = title.Add(st.Text, "  "+l.Protocol+" "+l.Address).Add(st.Muted, "  "+ready)
	if l.Prefork && l.Steering != "" {
		title = title.Add(st.Muted, ", "+l.Steering+" steering")
	}
	c := l.Connections
	lines := []string{
		title.Render(w.width, st.Glyphs.Ellipsis),
		totalsLine(st, w.width, []component.Line{
			pairs(st, "connections", component.Count(c.Active), "active", component.Count(c.Idle), "idle", component.Count(c.Total), "ever"),
			pairs(st, "refused", component.Count(c.Refused)),
			pairs(st, "timed out", component.Count(c.TimedOut)),
		}),
		totalsLine(st, w.width, []component.Line{
			pairs(st, "requests", component.Rate(l.Requests, st.Glyphs.Dash)+"/s"),
			erring(st, max(0, l.Errors)),
			pairs(st, "p50", component.Millis(l.Latency.P50), "ms"),
			pairs(st, "p99", component.Millis(l.Latency.P99), "ms"),
			pairs(st, "out", component.Bytes(l.Out, st.Glyphs.Dash)+"/s"),
			pairs(st, "in", component.Bytes(l.In, st.Glyphs.Dash)+"/s"),
		}),
	}
	if l.Reason != "" {
		s := stateOf(st, l.State)
		line := component.Line{{Paint: s.paint, Text: " " + s.glyph + " " + l.Reason}}
		lines = append(lines, line.Render(w.width, st.Glyphs.Ellipsis))
	}
	if l.Prefork && l.SteeringReason != "" && w.height >= 14 {
		line := component.Line{{Paint: st.Muted, Text: " " + st.Glyphs.Dot + " " + l.Steering + " steering: " + l.SteeringReason}}
		lines = append(lines, line.Render(w.width, st.Glyphs.Ellipsis))
	}
	lines = append(lines, w.underway(st)...)
	if w.height >= 14 {
		lines = append(lines, w.minute(st))
	}
	if w.height >= 16 {
		lines = append(lines, "")
	}
	return lines
}

// minute is the last minute as a chart and the workers' shares as another.
func (w *Workers) minute(st *component.Styles) string {
	chart := min(60, max(10, w.width/3))
	line := component.Line{{Paint: st.Muted, Text: " last minute  "}}
	line = append(line, lastMinute(st, w.data, w.lis, chart)...)
	return append(line, w.shares(st, w.width-14-chart)...).Render(w.width, "")
}

// shares is a bar per worker for its part of the connections, and how far the
// busiest is above the mean. It has room cells.
func (w *Workers) shares(st *component.Styles, room int) component.Line {
	const label = "   share "
	var open []float64
	sum, most := 0.0, 0.0
	for _, k := range w.lis.Workers {
		if k.State == control.WorkerReady {
			n := float64(k.Connections.Active + k.Connections.Idle)
			open, sum, most = append(open, n), sum+n, max(most, n)
		}
	}
	room -= len(label) + 16
	if len(open) < 2 || sum == 0 || room < 4 {
		return nil
	}
	bars := open[:min(len(open), room)]
	line := component.Line{{Paint: st.Muted, Text: label}}
	line = append(line, component.Spark(st, bars, most, nil)...)
	return line.Add(st.Muted, "  max/mean ").Add(st.Text, fmt.Sprintf("%.1f", most*float64(len(open))/sum))
}

// workers is the table, at most height lines with its head. One line is for a
// worker: a head alone says nothing.
func (w *Workers) workers(st *component.Styles, height int) []string {
	if len(w.rows) == 0 {
		if w.filter != "" {
			return say(st, w.width, "no worker matches "+w.filter, "esc shows all")
		}
		return say(st, w.width, "no workers", "s starts the listener")
	}
	w.table.Layout(w.width)
	var lines []string
	if height > 1 {
		lines = append(lines, w.table.Head(st))
	}
	from, to := w.window(&w.list, height-len(lines), len(w.rows))
	for i := from; i < to; i++ {
		lines = append(lines, w.row(st, i))
	}
	return lines
}

func (w *Workers) row(st *component.Styles, i int) string {
	k := w.rows[i]
	return w.table.Row(st, i == w.list.Cursor, func(column int) component.Cell {
		switch column {
		case woID:
			return component.Cell{Paint: st.Strong, Text: fmt.Sprint(k.ID)}
		case woPID:
			if k.PID == 0 {
				return component.Cell{Paint: st.Muted, Text: st.Glyphs.Dash}
			}
			return component.Cell{Text: fmt.Sprint(k.PID)}
		case woState:
			return workerState(st, k).cell()
		case woAge:
			return component.Cell{Paint: st.Muted, Text: component.Age(w.data.age(k.StartedAt))}
		case woActive:
			return component.Cell{Text: component.Short(k.Connections.Active)}
		case woIdle:
			return component.Cell{Text: component.Short(k.Connections.Idle)}
		case woTotal:
			return component.Cell{Text: component.Count(k.Connections.Total)}
		case woRequests:
			return component.Cell{Text: component.Rate(k.Requests, st.Glyphs.Dash)}
		case woErrors:
			return component.Cell{Paint: errorPaint(st, float64(k.Errors)), Text: component.Count(k.Errors)}
		case woCPU:
			return component.Cell{Text: percent(k.CPU, st.Glyphs.Dash)}
		case woMemory:
			return component.Cell{Text: component.Bytes(float64(k.MemoryBytes), "")}
		case woRestarts:
			return restartsCell(st, k)
		case woNote:
			return component.Cell{Paint: st.Muted, Text: w.note(k)}
		}
		return component.Cell{}
	})
}

func restartsCell(st *component.Styles, k *Worker) component.Cell {
	if k.Restarts == 0 {
		return component.Cell{Paint: st.Muted, Text: "0"}
	}
	return component.Cell{Paint: st.Warn, Text: fmt.Sprint(k.Restarts)}
}

func percent(share float64, unknown string) string {
	if share < 0 {
		return unknown
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}

// note is what the other columns do not say.
func (w *Workers) note(k *Worker) string {
	switch {
	case k.State == control.WorkerDraining && k.DrainDeadline != nil:
		return "closed in " + Left(k.DrainDeadline.Sub(w.data.Time)) + " at most"
	case k.HungSince != nil:
		return "no heartbeat for " + component.Ago(w.data.age(*k.HungSince))
	case k.LastExit != "":
		return "last exit: " + k.LastExit
	}
	return ""
}

// settings are the timeouts and limits in effect.
func (w *Workers) settings(st *component.Styles) []string {
	t, m := w.lis.Timeouts, w.lis.Limits
	lines := []string{
		totalsLine(st, w.width, append([]component.Line{{{Paint: st.Muted, Text: "timeouts"}}},
			pairs(st, "header", Tidy(t.ReadHeader)), pairs(st, "read", Tidy(t.Read)), pairs(st, "write", Tidy(t.Write)),
			pairs(st, "idle", Tidy(t.Idle)), pairs(st, "shutdown", Tidy(t.Shutdown)),
			pairs(st, "request", whole(t.Request)), pairs(st, "response", whole(t.Response)))),
		totalsLine(st, w.width, append([]component.Line{{{Paint: st.Muted, Text: "limits  "}}},
			pairs(st, "connections", limit(m.MaxConnections)), pairs(st, "header", size(m.MaxHeaderBytes)),
			pairs(st, "body", size(m.MaxRequestBytes)), pairs(st, "accepts/s", limit(m.AcceptRate)))),
	}
	if w.height >= 16 {
		lines = append([]string{""}, lines...)
	}
	return lines
}

// whole writes a timeout that is off by default.
func whole(d string) string {
	if d == "" || d == "0s" {
		return "none"
	}
	return Tidy(d)
}

func limit(n int) string {
	if n <= 0 {
		return "none"
	}
	return fmt.Sprint(n)
}

// size writes bytes the way the config file has them.
func size(n int64) string {
	switch {
	case n <= 0:
		return "none"
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return fmt.Sprint(n)
}

// Tidy writes a duration the way one would: "2m0s" is 2m, "0s" is none.
func Tidy(duration string) string {
	if duration == "0s" {
		return "none"
	}
	return Brief(duration)
}

// Brief drops the zero parts at the end of a duration: "2m0s" is "2m".
func Brief(duration string) string {
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(duration, zero) {
			duration = duration[:len(duration)-2]
		}
	}
	return duration
}
