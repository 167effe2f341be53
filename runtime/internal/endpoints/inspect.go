package endpoints

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// Connections lists open connections, oldest first.
func (s *Set) Connections(ctx context.Context, q control.Query) (*control.Page, error) {
	var all []control.Connection
	for _, l := range s.All() {
		if q.Listener == "" || q.Listener == l.name {
			all = append(all, l.Connections(ctx, q)...)
		}
	}
	if q.Listener != "" && !s.Has(q.Listener) {
		return nil, control.Fail(control.CodeNotFound, message.NoListener, q.Listener)
	}
	slices.SortFunc(all, func(x, y control.Connection) int { return x.Opened.Compare(y.Opened) })
	page := &control.Page{Total: len(all), Connections: []control.Connection{}}
	from := min(q.Offset, len(all))
	to := min(from+q.Limit, len(all))
	page.Connections = append(page.Connections, all[from:to]...)
	return page, nil
}

// Connections of the listener that match.
func (l *Listener) Connections(ctx context.Context, q control.Query) []control.Connection {
	var out []control.Connection
	add := func(list []control.Connection) {
		for _, c := range list {
			if (q.State == "" || q.State == c.State) && (q.Worker == nil || *q.Worker == c.Worker) {
				out = append(out, c)
			}
		}
	}
	l.ask(ctx, serving.CallConnections, nil,
		func(s *serving.Service) { add(s.Connections(0)) },
		func(reply []byte) {
			var list []control.Connection
			if json.Unmarshal(reply, &list) == nil {
				add(list)
			}
		})
	return out
}

// Overdue counts what another config of the listener would end at once.
func (l *Listener) Overdue(ctx context.Context, to config.Listener) (sum listener.Overdue) {
	add := func(n listener.Overdue) { sum.Idle, sum.Active = sum.Idle+n.Idle, sum.Active+n.Active }
	payload, _ := json.Marshal(to) // plain data
	l.ask(ctx, serving.CallOverdue, payload,
		func(s *serving.Service) { add(s.Overdue(to)) },
		func(reply []byte) {
			var n listener.Overdue
			if json.Unmarshal(reply, &n) == nil {
				add(n)
			}
		})
	return sum
}

// ask calls all who serve the listener: the services of this process, and its
// workers. One that does not answer is left out: it has just ended.
func (l *Listener) ask(ctx context.Context, kind string, payload []byte, local func(*serving.Service), answer func([]byte)) {
	for _, e := range l.endpoints() {
		locals, groups := e.servers()
		for _, s := range locals {
			local(s)
		}
		for _, g := range groups {
			for _, pid := range answering(g) {
				if reply, err := g.Call(ctx, pid, kind, payload); err == nil {
					answer(reply)
				}
			}
		}
	}
}

// answering are the workers of a group that answer calls.
func answering(g *prefork.Group) (pids []int) {
	g.Each(func(w prefork.Status, _ []byte) {
		if w.State != prefork.Hung {
			pids = append(pids, w.PID)
		}
	})
	return pids
}
