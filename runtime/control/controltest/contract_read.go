package controltest

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// read opens a stream that ends with the test.
func (r *rig) read(q control.ReadQuery) control.Stream {
	r.Helper()
	s, err := r.Controller.Read(r.ctx, q)
	if err != nil {
		r.Fatalf("Read(%+v): %v", q, err)
	}
	r.Cleanup(func() { s.Close() })
	return s
}

// all reads a stream to its end.
func (r *rig) all(q control.ReadQuery) (out []control.Record) {
	r.Helper()
	s := r.read(q)
	for {
		record, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			r.Fatalf("Read(%+v) ended after %d records: %v", q, len(out), err)
		}
		out = append(out, *record)
	}
}

func (r *rig) inOrder(all []control.Record, event bool) {
	r.Helper()
	for i, one := range all {
		if (one.Event != nil) != event || (one.Point != nil) == event || one.Time.IsZero() || i > 0 && one.Position <= all[i-1].Position {
			r.Errorf("record %d is %+v: want an event %v, a time and a higher position than before", i, one, event)
		}
	}
}

func eventsAreReadToTheirEnd(r *rig) {
	r.apply(r.set("timeouts.idle", "71s"))
	all := r.all(control.ReadQuery{Kind: control.ReadEvents})
	r.inOrder(all, true)
	if len(all) == 0 || all[len(all)-1].Event.Actor == "" {
		r.Fatalf("the events read are %+v, want that of a change at the end", all)
	}
	for _, one := range r.all(control.ReadQuery{Kind: control.ReadEvents, Listener: r.Listener}) {
		if one.Event.Listener != r.Listener {
			r.Errorf("of %s was read %+v", r.Listener, one.Event)
		}
	}
}

func readingGoesOnWhereItEnded(r *rig) {
	r.apply(r.set("timeouts.idle", "72s"))
	r.apply(r.set("timeouts.idle", "73s"))
	all := r.all(control.ReadQuery{Kind: control.ReadEvents})
	first := r.all(control.ReadQuery{Kind: control.ReadEvents, Limit: 1})
	if len(all) < 2 || len(first) != 1 || first[0].Position != all[0].Position {
		r.Fatalf("a stream of one record has %+v of %+v", first, all)
	}
	rest := r.all(control.ReadQuery{Kind: control.ReadEvents, After: first[0].Position})
	if len(rest) < len(all)-1 || rest[0].Position != all[1].Position {
		r.Errorf("behind the first of %d records %d were read", len(all), len(rest))
	}
	if beyond := r.all(control.ReadQuery{Kind: control.ReadEvents, After: 1 << 52}); len(beyond) < len(all) {
		r.Errorf("behind a position that is not reached yet %d of %d records were read, want all", len(beyond), len(all))
	}
}

func eventsAreFollowed(r *rig) {
	all := r.all(control.ReadQuery{Kind: control.ReadEvents})
	q := control.ReadQuery{Kind: control.ReadEvents, Follow: true}
	if n := len(all); n > 0 {
		q.After = all[n-1].Position
	}
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	s, err := r.Controller.Read(ctx, q)
	if err != nil {
		r.Fatalf("Read: %v", err)
	}
	defer s.Close()
	r.apply(r.set("timeouts.idle", "74s"))
	for {
		record, err := s.Next()
		if err != nil {
			r.Fatalf("the stream ended before the event of a change: %v", err)
		}
		if record.Event.Actor != "" {
			break
		}
	}
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = s.Next()
		}
		ended <- err
	}()
	cancel()
	if err := receive(r, "end of the stream", ended); !errors.Is(err, context.Canceled) {
		r.Errorf("the stream ended with %v, want %v", err, context.Canceled)
	}
}

func seriesIsRead(r *rig) {
	if r.Pass != nil {
		r.Pass(2 * time.Second)
	}
	s := r.read(control.ReadQuery{Kind: control.ReadSeries, Listener: r.Listener, Follow: true})
	var all []control.Record
	for range 2 {
		record, err := s.Next()
		if err != nil {
			r.Fatalf("after %d points: %v", len(all), err)
		}
		all = append(all, *record)
	}
	r.inOrder(all, false)
}

func wrongReadsAreRefused(r *rig) {
	for _, q := range []control.ReadQuery{{}, {Kind: "minds"}, {Kind: control.ReadSeries}, {Kind: control.ReadEvents, Limit: -1}} {
		_, err := r.Controller.Read(r.ctx, q)
		r.wantError("Read", err, control.ErrInvalid)
	}
	for _, kind := range control.ReadKinds {
		_, err := r.Controller.Read(r.ctx, control.ReadQuery{Kind: kind, Listener: "there-is-none"})
		r.wantError("Read of no listener", err, control.ErrNotFound)
	}
}
