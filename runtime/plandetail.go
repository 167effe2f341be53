package runtime

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// detail adds to a plan what it takes time to find out: what becomes of each
// worker, how long what drains has been at it, and what will have to be cut.
func detail(ctx context.Context, p *control.Plan, steps []step) {
	for i := range p.Listeners {
		steps[i].detail(ctx, &p.Listeners[i])
	}
	p.Summary = summaryOf(p)
}

func (s step) detail(ctx context.Context, p *control.ListenerPlan) {
	p.Workers = s.workers()
	if p.Drained == 0 || p.Deadline == "" { // only idle ones end, at once
		return
	}
	var age time.Duration
	age, p.Cut, p.LongLived = s.busy(ctx, p.Workers)
	if age > 0 {
		p.OldestRequest = age.Round(time.Millisecond).String()
	}
	p.Likely = s.likely(p, age).String()
	if p.Cut > 0 && p.Deadline != "0s" {
		p.Summary += fmt.Sprintf("; %s cut if still busy after %s", pluralVerb(p.Cut, "connection", "is", "are"), p.Deadline)
	}
}

// workers tells what becomes of each worker, in the order of their ids; those
// that drain already are not concerned.
func (s step) workers() []control.WorkerPlan {
	will := s.to.Listener.Prefork.Workers
	if s.kind == "stop" || s.kind == "remove" {
		will = 0
	}
	var all []control.WorkerPlan
	if e := s.running; e != nil && e.current().Listener.Prefork.Workers > 0 {
		e.each(func(w prefork.Status, b *scoreboard.Board) {
			if w.State == prefork.Draining {
				return
			}
			t := b.Listener.Load()
			all = append(all, control.WorkerPlan{ID: w.ID, PID: w.PID, Action: s.fate(w.ID, will), Active: int(t.Active), Idle: int(t.Idle)})
		})
	}
	kept := len(all)
	if s.kind == "rebind" {
		kept = 0
	}
	for id := kept; id < will; id++ {
		all = append(all, control.WorkerPlan{ID: id, Action: control.WorkerStarted})
	}
	return all
}

// fate of a worker that runs.
func (s step) fate(id, will int) string {
	switch {
	case id >= will || s.kind == "rebind":
		return control.WorkerRetired
	case s.kind == "update", s.kind == "resize":
		return control.WorkerUpdated
	}
	return control.WorkerKept
}

// lastingAfter is how long a connection must have been busy to count as
// long-lived, maxLongLived how many of those a plan names.
const (
	lastingAfter = 5 * time.Second
	maxLongLived = 20
	// lastingStream is the same for a request of HTTP/2 and HTTP/3, which may be a
	// stream; of HTTP/1.1 a streamed response is known for one.
	lastingStream = time.Second
)

// lasts reports whether a connection that has been busy for so long may be so yet
// when a drain within limit is over; 0 is no limit.
func lasts(c control.Connection, age, limit time.Duration) bool {
	switch {
	case notHTTP(c.Protocol), age >= lastingAfter, limit > 0 && age >= limit:
		return true
	}
	return c.Protocol == "http/1.1" && c.Request != "" || c.Protocol != "http/1.1" && age >= lastingStream
}

// drainLimit is the shutdown timeout of the listener that drains; 0 if there is none.
func (s step) drainLimit() time.Duration {
	if s.running == nil {
		return 0
	}
	return time.Duration(s.running.current().Listener.Timeouts.Shutdown)
}

// likely is how long what drains will probably take: age is that of the oldest
// request, 0 if none is under way.
func (s step) likely(p *control.ListenerPlan, age time.Duration) time.Duration {
	limit := age
	if e := s.running; e != nil && p.Deadline != "" {
		limit = time.Duration(e.current().Listener.Timeouts.Shutdown)
	}
	if slices.ContainsFunc(p.LongLived, func(c control.LongLived) bool { return notHTTP(c.Protocol) }) {
		return limit
	}
	return min(age, limit).Round(time.Millisecond)
}

// busy tells for how long the oldest request has been under way on what drains,
// 0 if none is, and counts and names the connections that a drain would have to
// wait for.
func (s step) busy(ctx context.Context, workers []control.WorkerPlan) (oldest time.Duration, cut int, lasting []control.LongLived) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	found := s.managed.connections(ctx, control.Query{State: "active"})
	found = slices.DeleteFunc(found, func(c control.Connection) bool { return !drains(workers, c.Worker) })
	slices.SortFunc(found, func(a, b control.Connection) int { return a.Since.Compare(b.Since) })
	for i, c := range found {
		age := time.Since(c.Since)
		if i == 0 {
			oldest = max(age, time.Millisecond)
		}
		if !lasts(c, age, s.drainLimit()) {
			continue
		}
		if cut++; len(lasting) < maxLongLived {
			lasting = append(lasting, control.LongLived{
				Worker: c.Worker, Peer: c.Peer, Protocol: c.Protocol, Request: c.Request, Age: age.Round(time.Second).String(),
			})
		}
	}
	return oldest, cut, lasting
}

// notHTTP reports whether a connection was taken over from HTTP.
func notHTTP(protocol string) bool { return protocol == "websocket" || protocol == "upgraded" }

// drains reports whether the worker is retired; the master is where it serves.
func drains(workers []control.WorkerPlan, id int) bool {
	runs := func(w control.WorkerPlan) bool { return w.Action != control.WorkerStarted }
	return !slices.ContainsFunc(workers, runs) || slices.ContainsFunc(workers, func(w control.WorkerPlan) bool {
		return w.ID == id && w.Action == control.WorkerRetired
	})
}

// moved counts the connections of retired workers that others take over: those
// of HTTP/1.1 in clear, as soon as they are between two requests. from and to are numbers of workers.
func (s step) moved(from, to int) (n int) {
	if s.quick || s.to.Listener.TLS != nil || s.leaving() != "" || to == from || from > 0 && to > from {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), inspectTimeout)
	defer cancel()
	for _, c := range s.managed.connections(ctx, control.Query{}) {
		stays := c.State == "active" && lasts(c, time.Since(c.Since), s.drainLimit())
		if (from == 0 || c.Worker >= to) && c.Protocol == "http/1.1" && !stays {
			n++
		}
	}
	return n
}
