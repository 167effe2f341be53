package page

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// Pools has a row per pool and, beneath it, one per backend.
type Pools struct {
	base
	table component.Table
	list  component.List
	rows  []poolRow
}

// poolRow is a pool, or a backend of it.
type poolRow struct {
	pool    *Pool
	backend *Backend
}

// Columns of the pools page.
const (
	poName = iota
	poWhere
	poState
	poWeight
	poActive
	poIdle
	poRequests
	poErrors
	poWaits
	poWait
)

// NewPools returns the page of pools.
func NewPools(keys *Keys) *Pools {
	return &Pools{base: base{keys: keys}, table: component.Table{Columns: []component.Column{
		poName:     {Title: "POOL", Width: 8},
		poWhere:    {Title: "BALANCE / BACKEND", Short: "BACKEND", Width: 21, Rank: 4},
		poState:    {Title: "STATE", Width: 9},
		poWeight:   {Title: "WEIGHT", Short: "WGHT", Width: 4, Want: 6, Right: true, Rank: 7},
		poActive:   {Title: "ACTIVE", Short: "ACT", Width: 4, Want: 6, Right: true, Rank: 1},
		poIdle:     {Title: "IDLE", Width: 4, Want: 5, Right: true, Rank: 3},
		poRequests: {Title: "REQ/S", Width: 5, Right: true, Rank: 2},
		poErrors:   {Title: "ERRORS", Short: "ERR", Width: 4, Want: 6, Right: true, Rank: 4},
		poWaits:    {Title: "WAITS", Width: 5, Right: true, Rank: 5},
		poWait:     {Title: "MEAN MS", Short: "MS", Width: 6, Want: 7, Right: true, Rank: 6},
	}}}
}

// SetData takes new data.
func (p *Pools) SetData(d *Data) {
	p.data = d
	p.choose()
}

// Filter shows only what matches: a pool with one matching backend shows that
// backend, a matching pool shows all.
func (p *Pools) Filter(pattern string) {
	p.filter = pattern
	p.choose()
}

func (p *Pools) choose() {
	p.rows = p.rows[:0]
	if p.data == nil {
		return
	}
	name, where := 8, 21
	for i := range p.data.Pools {
		for _, row := range rowsOf(&p.data.Pools[i], p.filter) {
			p.rows = append(p.rows, row)
			name = max(name, component.Width(printable.Text(row.name())))
			where = max(where, component.Width(printable.Text(row.where())))
		}
	}
	p.table.Columns[poName].Want = min(name, 32)
	p.table.Columns[poWhere].Want = min(where, 48)
	p.list.Go(p.list.Cursor, len(p.rows))
}

func rowsOf(pool *Pool, pattern string) []poolRow {
	rows := []poolRow{{pool: pool}}
	whole := Match(pattern, pool.Name, pool.Balance)
	for i := range pool.Backends {
		b := &pool.Backends[i]
		if whole || Match(pattern, b.Name, b.URL, b.State) {
			rows = append(rows, poolRow{pool, b})
		}
	}
	if !whole && len(rows) == 1 {
		return nil
	}
	return rows
}

func (r poolRow) name() string {
	if r.backend != nil {
		return "  " + r.backend.Name
	}
	return r.pool.Name
}

func (r poolRow) where() string {
	if r.backend != nil {
		return r.backend.URL
	}
	return strings.ReplaceAll(r.pool.Balance, "_", " ")
}

// HandleKey moves the cursor.
func (p *Pools) HandleKey(k tea.KeyMsg) {
	scroll(p.keys, k, &p.list, len(p.rows), p.height-2)
}

// Target has no action yet.
func (p *Pools) Target() Target { return Target{Rows: len(p.rows) > 0} }

// View draws the table.
func (p *Pools) View(st *component.Styles) []string {
	switch {
	case p.data == nil:
		return nil
	case len(p.rows) == 0 && p.filter != "":
		return say(st, p.width, "no pool or backend matches "+p.filter, "esc shows all")
	case len(p.rows) == 0:
		return say(st, p.width, "no pools", "pools hold connections to the backends of proxy routes; add them under pools: in the config")
	}
	var lines []string
	if p.height > 10 {
		lines = append(lines, p.totals(st), "")
	}
	p.table.Layout(p.width)
	if p.height > 1 {
		lines = append(lines, p.table.Head(st))
	}
	trouble := p.trouble(st)
	from, to := p.window(&p.list, p.height-len(lines)-len(trouble), len(p.rows))
	for i := from; i < to; i++ {
		lines = append(lines, p.row(st, i))
	}
	return append(lines, trouble...)
}

// trouble is what the backend at the cursor failed of last, where there is room.
func (p *Pools) trouble(st *component.Styles) []string {
	if p.height <= 10 || p.list.Cursor >= len(p.rows) || p.rows[p.list.Cursor].backend == nil {
		return nil
	}
	b := p.rows[p.list.Cursor].backend
	if b.LastError == nil {
		return nil
	}
	text := fmt.Sprintf("failed %s ago: %s", component.Ago(p.data.Time.Sub(b.LastError.At)), printable.Text(b.LastError.Message))
	return []string{"", component.Line{{Paint: st.Muted, Text: " " + printable.Text(b.Name) + " "}, {Paint: st.Text, Text: text}}.Render(p.width, st.Glyphs.Ellipsis)}
}

func (p *Pools) totals(st *component.Styles) string {
	var active, idle, waits uint64
	backends, up := 0, 0
	for i := range p.data.Pools {
		pool := &p.data.Pools[i]
		active, idle, waits = active+pool.Stats.Active, idle+pool.Stats.Idle, waits+pool.Stats.WaitCount
		backends += len(pool.Backends)
		for _, b := range pool.Backends {
			if b.State == "up" {
				up++
			}
		}
	}
	return totalsLine(st, p.width, []component.Line{
		pairs(st, "backend connections", component.Count(active), "active", component.Count(idle), "idle"),
		pairs(st, "backends up", fmt.Sprint(up), "of "+fmt.Sprint(backends)),
		pairs(st, "waits", component.Count(waits)),
	})
}

func (p *Pools) row(st *component.Styles, i int) string {
	r := p.rows[i]
	cell := r.poolCell
	if r.backend != nil {
		cell = r.backendCell
	}
	return p.table.Row(st, i == p.list.Cursor, func(column int) component.Cell { return cell(st, column) })
}

func (r poolRow) poolCell(st *component.Styles, column int) component.Cell {
	s := &r.pool.Stats
	switch column {
	case poName:
		return component.Cell{Paint: st.Strong, Text: r.name()}
	case poWhere:
		return component.Cell{Paint: st.Muted, Text: r.where()}
	case poActive:
		return component.Cell{Paint: st.Strong, Text: component.Short(s.Active)}
	case poIdle:
		return component.Cell{Paint: st.Strong, Text: component.Short(s.Idle)}
	case poRequests:
		return component.Cell{Paint: st.Strong, Text: component.Rate(r.pool.Requests, st.Glyphs.Dash)}
	case poWaits:
		return component.Cell{Paint: st.Strong, Text: component.Count(s.WaitCount)}
	case poWait:
		return component.Cell{Paint: st.Strong, Text: meanWait(s.WaitDurationMS, s.WaitCount)}
	}
	return component.Cell{}
}

func meanWait(ms, count uint64) string {
	if count == 0 {
		return "0"
	}
	return component.Millis(float64(ms) / float64(count))
}

func (r poolRow) backendCell(st *component.Styles, column int) component.Cell {
	b := r.backend
	switch column {
	case poName:
		return component.Cell{Text: r.name()}
	case poWhere:
		return component.Cell{Text: r.where()}
	case poState:
		return stateOf(st, b.State).cell()
	case poWeight:
		return component.Cell{Paint: st.Muted, Text: fmt.Sprint(b.Weight)}
	case poActive:
		return component.Cell{Text: component.Short(b.Connections.Active)}
	case poIdle:
		return component.Cell{Text: component.Short(b.Connections.Idle)}
	case poRequests:
		return component.Cell{Text: component.Rate(b.Requests, st.Glyphs.Dash)}
	case poErrors:
		return component.Cell{Paint: errorPaint(st, float64(b.Errors)), Text: component.Short(b.Errors)}
	}
	return component.Cell{}
}
