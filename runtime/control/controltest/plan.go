package controltest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// planOf tells what separates two states.
func planOf(from, to *control.Snapshot, changes []config.Change) *control.Plan {
	p := &control.Plan{Revision: from.Revision, Changes: changes, Listeners: []control.ListenerPlan{}}
	var lines []string
	for i := range from.Listeners {
		a, b := &from.Listeners[i], &to.Listeners[i]
		touched := func(c config.Change) bool { return strings.HasPrefix(c.Path, "listeners."+a.Name+".") }
		if !slices.ContainsFunc(changes, touched) {
			continue
		}
		l := listenerPlan(a, b)
		p.Listeners = append(p.Listeners, l)
		p.Needs.Processes += l.WorkersStarted
		p.Needs.Descriptors += 4 * l.WorkersStarted
		p.Needs.MemoryBytes += 24 << 20 * uint64(l.WorkersStarted)
		lines = append(lines, l.Summary)
	}
	p.Summary = strings.Join(lines, "; ")
	if len(lines) == 0 {
		p.Summary = "nothing changes"
	}
	return p
}

func listenerPlan(from, to *control.ListenerInfo) control.ListenerPlan {
	kept, open := int(to.Connections.Active+to.Connections.Idle), int(from.Connections.Active+from.Connections.Idle)
	p := control.ListenerPlan{Name: from.Name, Action: actionOf(from, to), Kept: kept, Drained: open - kept}
	if from.Prefork || to.Prefork {
		p.WorkersStarted = len(missing(to.Workers, from.Workers))
		p.WorkersRetired = len(missing(from.Workers, to.Workers))
		p.Workers = workerPlans(from, to)
	}
	if p.Drained > 0 {
		p.Deadline = from.Timeouts.Shutdown
	}
	p.Summary = summary(p)
	return p
}

// workerPlans tells what becomes of each worker.
func workerPlans(from, to *control.ListenerInfo) (all []control.WorkerPlan) {
	retired := missing(from.Workers, to.Workers)
	for _, w := range from.Workers {
		p := control.WorkerPlan{ID: w.ID, PID: w.PID, Action: control.WorkerUpdated, Active: int(w.Connections.Active), Idle: int(w.Connections.Idle)}
		if slices.ContainsFunc(retired, func(r control.WorkerInfo) bool { return r.PID == w.PID }) {
			p.Action = control.WorkerRetired
		}
		all = append(all, p)
	}
	for _, w := range missing(to.Workers, from.Workers) {
		all = append(all, control.WorkerPlan{ID: w.ID, Action: control.WorkerStarted})
	}
	return all
}

func actionOf(from, to *control.ListenerInfo) control.ListenerAction {
	switch {
	case from.Enabled && !to.Enabled:
		return control.ListenerStopped
	case !from.Enabled && to.Enabled:
		return control.ListenerStarted
	case from.Prefork != to.Prefork || from.WorkersWanted != to.WorkersWanted:
		return control.ListenerResized
	}
	return control.ListenerUpdated
}

// missing returns the processes of a that are not among b.
func missing(a, b []control.WorkerInfo) []control.WorkerInfo {
	return slices.DeleteFunc(slices.Clone(a), func(w control.WorkerInfo) bool {
		return slices.ContainsFunc(b, func(v control.WorkerInfo) bool { return v.PID == w.PID })
	})
}

func summary(p control.ListenerPlan) string {
	var parts []string
	if p.WorkersStarted > 0 {
		parts = append(parts, words.Count(p.WorkersStarted, "new worker"))
	}
	if p.WorkersRetired > 0 {
		parts = append(parts, words.Count(p.WorkersRetired, "worker")+" retired")
	}
	if p.Drained > 0 {
		parts = append(parts, words.Count(p.Drained, "connection")+" drained")
	} else {
		parts = append(parts, "nothing dropped")
	}
	return fmt.Sprintf("%s: %s, %s", p.Name, p.Action, strings.Join(parts, ", "))
}
