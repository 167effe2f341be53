package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// planText writes a plan; the values of its table are cut so that it is at most
// width wide. 0 is no limit.
func planText(p *page, plan *control.Plan, width int) {
	p.line("%s", plan.Summary)
	planWarnings(p, plan)
	if len(plan.Changes) == 0 {
		return
	}
	changesTable(p, plan.Changes, width)
	if len(plan.Listeners) > 1 { // else the summary says it
		p.line("")
		for _, l := range plan.Listeners {
			p.line("%s", l.Summary)
		}
	}
	planWorkers(p, plan)
	planPools(p, plan)
	planNeeds(p, plan)
}

// planPools lists the backends of pools that are touched.
func planPools(p *page, plan *control.Plan) {
	var rows [][]string
	for _, pool := range plan.Pools {
		for _, b := range pool.Backends {
			rows = append(rows, []string{pool.Name + "/" + b.Name, b.URL, b.Action, strconv.Itoa(b.Active), strconv.Itoa(b.Idle)})
		}
	}
	if len(rows) > 0 {
		p.line("")
		p.table("BACKEND|URL|ACTION|>ACTIVE|>IDLE", rows)
	}
}

func planWarnings(p *page, plan *control.Plan) {
	for _, w := range plan.Warnings {
		p.line("warning: %s", w)
	}
}

// planWorkers lists the workers of listeners of which some come or go.
func planWorkers(p *page, plan *control.Plan) {
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
			rows = append(rows, []string{fmt.Sprintf("%s/%d", l.Name, w.ID), pid, w.Action, strconv.Itoa(w.Active), strconv.Itoa(w.Idle)})
		}
	}
	if len(rows) > 0 {
		p.line("")
		p.table("WORKER|>PID|ACTION|>ACTIVE|>IDLE", rows)
	}
}

// planNeeds tells how long what drains can take, and what the change needs.
func planNeeds(p *page, plan *control.Plan) {
	var said []string
	for _, l := range plan.Listeners {
		switch {
		case len(l.LongLived) > 0:
			said = append(said, fmt.Sprintf("%s drains within %s; %s may stay for that long:", l.Name, l.Deadline, words.Count(len(l.LongLived), "connection")))
			for _, c := range l.LongLived {
				said = append(said, strings.TrimSpace(fmt.Sprintf("%s  %s  %s  %s", c.Peer, c.Protocol, c.Age, c.Request)))
			}
		case l.OldestRequest != "":
			said = append(said, fmt.Sprintf("%s drains within %s; the oldest request has been under way for %s, so probably within %s",
				l.Name, l.Deadline, l.OldestRequest, l.Likely))
		case l.Drained > 0 && l.Deadline != "":
			said = append(said, fmt.Sprintf("%s drains within %s", l.Name, l.Deadline))
		}
	}
	if n := plan.Needs; n.Processes > 0 {
		said = append(said, fmt.Sprintf("needs %s, %s, about %d MiB",
			processes(n.Processes), words.Count(n.Descriptors, "descriptor"), n.MemoryBytes>>20))
	}
	if len(said) > 0 {
		p.line("")
	}
	for _, line := range said {
		p.line("%s", line)
	}
}

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}
