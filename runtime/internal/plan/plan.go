// Package plan tells what a change would do to a state that it is given. It is
// pure: it opens nothing, asks nobody and has no clock, so that every rule of it
// is a row in a table test, and the runtime and the fake of the contract suite
// plan by the same rules.
//
// A plan is made in three moves:
//
//  1. Whoever plans describes the present as a [View]: the config that runs, the
//     listeners that are served, by which processes, and with how many
//     connections.
//  2. [Steps] compares that with the config that is wanted. Each [Step] is what
//     is done to one listener: it starts, stops, moves to another address, gets
//     more or fewer workers, or takes other settings while it serves. Some steps
//     can be planned better after asking the processes that serve, which takes
//     time: [Step.AsksConnections] and [Step.AsksOverdue] say so, and the answers
//     go into [Step.Seen].
//  3. [Of] makes of it the [control.Plan] that a person or a script reads.
//
// The runtime carries out the same steps, so that a plan and what then happens
// cannot disagree about what a change is.
package plan

import (
	"maps"
	"slices"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Of is the plan of a change from what runs to another config, by the steps of
// [Steps]. It has neither warnings nor needs: those take trying, see [Needs].
func Of(v View, to *config.Config, steps []Step) *control.Plan {
	p := &control.Plan{
		Generation: v.Generation, Changes: config.Diff(v.Config, to),
		Listeners: []control.ListenerPlan{},
	}
	if p.Changes == nil {
		p.Changes = []config.Change{}
	}
	for _, s := range steps {
		p.Listeners = append(p.Listeners, s.plan(v.Now))
	}
	p.Pools = poolPlans(v, to)
	m := summaryOf(p)
	p.Summary, p.Code, p.Args = m.Text, m.Code, m.Args
	return p
}

// summaryOf joins what is said of the parts of a plan.
func summaryOf(p *control.Plan) message.Message {
	var lines []message.Message
	for _, l := range p.Listeners {
		lines = append(lines, message.Message{Code: l.Code, Args: l.Args, Text: l.Summary})
	}
	for _, pool := range p.Pools {
		lines = append(lines, message.Message{Code: pool.Code, Args: pool.Args, Text: pool.Summary})
	}
	switch {
	case len(p.Changes) == 0:
		return message.New(message.PlanNothing)
	case len(lines) == 0:
		return message.New(message.PlanNoListener, len(p.Changes))
	}
	return message.New(message.PlanLines, lines)
}

// workerDescriptors are what the master holds per worker: control socket,
// memory, output, and the socket of its slot. listenerDescriptors are what it
// opens for a listener: the socket, and whoever serves it here.
const (
	workerDescriptors   = 4
	listenerDescriptors = 2
)

// Needs adds up the processes and descriptors that the plans of the listeners
// take. How much memory that is depends on what a worker holds.
func Needs(plans []control.ListenerPlan) (n control.Needs) {
	for _, p := range plans {
		n.Processes += p.WorkersStarted
		n.Descriptors += p.WorkersStarted * workerDescriptors
		if opens(p.Action) {
			n.Descriptors += listenerDescriptors
		}
	}
	return n
}

// sortedNames of two maps, each name once.
func sortedNames[V any](a, b map[string]V) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}
