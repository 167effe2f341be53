package controltest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Connections invents as many connections as the snapshot counts, always the same.
func (f *Fake) Connections(ctx context.Context, q control.Query) (*control.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	q, err := q.Effective()
	if err != nil {
		return nil, err
	}
	if q.Listener != "" && find(f.now, q.Listener) == nil {
		return nil, notFound("listener", fmt.Sprintf("no listener %q", q.Listener))
	}
	all := invent(f.now, q)
	page := &control.Page{Total: len(all), Connections: all[min(q.Offset, len(all)):]}
	page.Connections = page.Connections[:min(q.Limit, len(page.Connections))]
	return page, nil
}

func invent(s *control.Snapshot, q control.Query) []control.Connection {
	all := []control.Connection{}
	for _, l := range s.Listeners {
		if q.Listener != "" && q.Listener != l.Name {
			continue
		}
		for _, w := range l.Workers {
			if q.Worker != nil && *q.Worker != w.ID {
				continue
			}
			all = append(all, ofWorker(s, l.Name, w, q.State)...)
		}
	}
	slices.SortStableFunc(all, func(a, b control.Connection) int { return a.Opened.Compare(b.Opened) })
	return all
}

func ofWorker(s *control.Snapshot, listener string, w control.WorkerInfo, state string) []control.Connection {
	var out []control.Connection
	for i := range w.Connections.Active + w.Connections.Idle {
		c := control.Connection{
			Listener: listener, Worker: w.ID, ID: uint64(w.ID)<<32 | i + 1,
			Peer:  fmt.Sprintf("192.0.2.%d:%d", 1+i%250, 40000+(uint64(w.ID)*977+i)%20000),
			State: "active", Protocol: "http/1.1", Requests: 1 + i*7%90, BytesIn: 180 * (1 + i*7%90), BytesOut: 420 * (1 + i*7%90),
			Opened: s.Time.Add(-time.Duration(1+i*13%600) * time.Second), Since: s.Time.Add(-time.Duration(i%5) * time.Millisecond),
		}
		if i >= w.Connections.Active {
			c.State, c.Since = "idle", c.Opened.Add(500*time.Millisecond)
		}
		if state == "" || state == c.State {
			out = append(out, c)
		}
	}
	return out
}
