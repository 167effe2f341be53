package controltest

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Read hands out the events and histories of the present state.
func (f *Fake) Read(ctx context.Context, q control.ReadQuery) (control.Stream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	if q.Listener != "" && find(f.now, q.Listener) == nil {
		return nil, notFound("listener", fmt.Sprintf("no listener %q", q.Listener))
	}
	return control.NewStream(ctx, q, nil, func(after uint64, limit int) ([]control.Record, <-chan struct{}, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		all := eventRecords(f.now, q.Listener)
		if q.Kind == control.ReadSeries {
			all = pointRecords(f.now, q.Listener)
		}
		return behind(all, after, limit), f.wake, f.failed
	}), nil
}

// behind are the records after a position, or all if it is beyond them.
func behind(all []control.Record, after uint64, limit int) (out []control.Record) {
	if len(all) > 0 && after > all[len(all)-1].Position {
		after = 0
	}
	for _, r := range all {
		if r.Position > after && len(out) < limit {
			out = append(out, r)
		}
	}
	return out
}

func eventRecords(s *control.Snapshot, listener string) (out []control.Record) {
	for _, e := range s.Events {
		if listener == "" || e.Listener == listener {
			out = append(out, control.Record{Position: e.Seq, Time: e.Time, Event: &e})
		}
	}
	return out
}

// pointRecords have the second of each point for its position.
func pointRecords(s *control.Snapshot, listener string) (out []control.Record) {
	l := find(s, listener)
	if l == nil {
		return nil
	}
	for i, p := range l.History {
		at := s.Time.Add(time.Duration(i+1-len(l.History)) * time.Second)
		out = append(out, control.Record{Position: uint64(at.Unix()), Time: at, Point: &p})
	}
	return out
}
