package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Plan writes what a change would do. The values in its table are cut so that it
// fits into width columns; 0 is no limit.
func Plan(p *Page, plan *control.Plan, width int) {
	p.Line("%s", plan.Summary)
	planWarnings(p, plan)
	if len(plan.Changes) == 0 {
		return
	}
	Changes(p, plan.Changes, width)
	if len(plan.Listeners) > 1 { // else the summary says it
		p.Line("")
		for _, l := range plan.Listeners {
			p.Line("%s", l.Summary)
		}
	}
	planWorkers(p, plan)
	planPools(p, plan)
	planNeeds(p, plan)
}

// planPools lists the backends of pools that are touched.
func planPools(p *Page, plan *control.Plan) {
	var rows [][]string
	for _, pool := range plan.Pools {
		for _, b := range pool.Backends {
			rows = append(rows, []string{pool.Name + "/" + b.Name, b.URL, string(b.Action), strconv.Itoa(b.Active), strconv.Itoa(b.Idle)})
		}
	}
	if len(rows) > 0 {
		p.Line("")
		p.Table("BACKEND|URL|ACTION|>ACTIVE|>IDLE", rows)
	}
}

func planWarnings(p *Page, plan *control.Plan) {
	for _, w := range plan.Warnings {
		p.Line("warning: %s", w)
	}
}

// planWorkers lists the workers of listeners of which some come or go.
func planWorkers(p *Page, plan *control.Plan) {
	var rows [][]string
	for _, l := range plan.Listeners {
		if l.WorkersStarted+l.WorkersRetired == 0 {
			continue
		}
		for _, w := range l.Workers {
			pid := "-"
			if w.PID > 0 {
				pid = strconv.Itoa(w.PID)
			}
			rows = append(rows, []string{fmt.Sprintf("%s/%d", l.Name, w.ID), pid, string(w.Action), strconv.Itoa(w.Active), strconv.Itoa(w.Idle)})
		}
	}
	if len(rows) > 0 {
		p.Line("")
		p.Table("WORKER|>PID|ACTION|>ACTIVE|>IDLE", rows)
	}
}

// planNeeds tells how long what drains can take, and what the change needs.
func planNeeds(p *Page, plan *control.Plan) {
	var said []string
	for _, l := range plan.Listeners {
		switch {
		case len(l.LongLived) > 0:
			said = append(said, fmt.Sprintf("%s drains within %s; %s may stay until then:", l.Name, l.Deadline, words.Count(len(l.LongLived), "connection")))
			for _, c := range l.LongLived {
				said = append(said, strings.TrimSpace(fmt.Sprintf("%s  %s  %s  %s", c.Peer, c.Protocol, c.Age, c.Request)))
			}
		case l.OldestRequest != "":
			said = append(said, fmt.Sprintf("%s drains within %s, probably within %s: its oldest request began %s ago",
				l.Name, l.Deadline, l.Likely, l.OldestRequest))
		case l.Drained > 0 && l.Deadline != "":
			said = append(said, fmt.Sprintf("%s drains within %s", l.Name, l.Deadline))
		}
	}
	if n := plan.Needs; n.Processes > 0 {
		said = append(said, fmt.Sprintf("needs %s, %s, about %d MiB",
			words.Count(n.Processes, "process"), words.Count(n.Descriptors, "descriptor"), n.MemoryBytes>>20))
	}
	if len(said) > 0 {
		p.Line("")
	}
	for _, line := range said {
		p.Line("%s", line)
	}
}

// Changes writes what separates two configs, in width columns; 0 is no limit.
func Changes(p *Page, changes []config.Change, width int) {
	if len(changes) == 0 {
		return
	}
	var rows [][]string
	for _, ch := range changes {
		rows = append(rows, []string{ch.Path, orAbsent(ch.From), orAbsent(ch.To), string(ch.Effect)})
	}
	if width > 0 {
		cutValues(rows, width)
	}
	p.Line("")
	p.Table("PATH|FROM|TO|EFFECT", rows)
}

// cutValues shortens the second and third column of rows with four, such that
// the table has room in width. The one that needs less is left alone if it can be.
func cutValues(rows [][]string, width int) {
	const gaps, least = 6, 8
	widths := columnWidths(append([][]string{{"PATH", "FROM", "TO", "EFFECT"}}, rows...), 4)
	room := max(2*least, width-widths[0]-widths[3]-gaps)
	half := room / 2
	from := min(widths[1], max(half, room-widths[2]))
	to := room - from
	for _, row := range rows {
		row[1], row[2] = cut(row[1], from), cut(row[2], to)
	}
}

func orAbsent(value string) string {
	if value == "" {
		return "-"
	}
	return value
}
