// Package feed has the newest snapshot of a runtime over a link that may break.
package feed

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// State is what is known of the runtime.
type State struct {
	// Snapshot is the newest one, nil before the first.
	Snapshot *control.Snapshot
	// At is when it came.
	At time.Time
	// Err is why the link is down, nil while it is up.
	Err error
}

// Feed watches the runtime and keeps the newest State, to be read at any
// time. It never sends anything to the program, so the runtime's data
// cannot pile up in front of a busy or suspended screen.
type Feed struct {
	ctl    control.Controller
	newest atomic.Pointer[State]
	fast   atomic.Bool
	// turn wakes the watcher when the pace changes.
	turn   chan struct{}
	caught func()
}

// Slow and Fast are the intervals of snapshots.
const (
	Slow = time.Second
	Fast = 200 * time.Millisecond
	// history is asked for in seconds: a minute, and what the oldest bar of a
	// chart may need beyond it.
	history = 120
)

// New returns the feed of a runtime, which watches while [Feed.Run] runs. caught is
// deferred where a panic may happen.
func New(ctl control.Controller, caught func()) *Feed {
	f := &Feed{ctl: ctl, turn: make(chan struct{}, 1), caught: caught}
	f.newest.Store(&State{})
	return f
}

// Newest is what is known now; it is never nil and must not be changed.
func (f *Feed) Newest() *State { return f.newest.Load() }

// SetFast changes the pace. It does not block.
func (f *Feed) SetFast(fast bool) {
	if f.fast.Swap(fast) != fast {
		select {
		case f.turn <- struct{}{}:
		default:
		}
	}
}

// Run watches until ctx ends, and connects again for as long as that takes.
func (f *Feed) Run(ctx context.Context) {
	defer f.caught()
	pause := backoff{}
	for ctx.Err() == nil {
		turned, err := f.watch(ctx, &pause)
		if turned || ctx.Err() != nil {
			continue
		}
		if err == nil {
			err = errors.New("the runtime closed the connection")
		}
		last := f.newest.Load()
		f.newest.Store(&State{Snapshot: last.Snapshot, At: last.At, Err: err})
		sleep(ctx, pause.next())
	}
}

// watch runs one Watch, until it ends or the pace changes.
func (f *Feed) watch(ctx context.Context, pause *backoff) (turned bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var changed atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-f.turn:
			changed.Store(true)
			cancel()
		case <-ctx.Done():
		}
	}()
	err = f.ctl.Watch(ctx, f.options(), func(s *control.Snapshot) {
		if s != nil {
			pause.reset()
			f.newest.Store(&State{Snapshot: s, At: time.Now()})
		}
	})
	cancel()
	<-done
	return changed.Load(), err
}

func (f *Feed) options() control.WatchOptions {
	if f.fast.Load() {
		return control.WatchOptions{Interval: Fast, History: history}
	}
	return control.WatchOptions{Interval: Slow, History: history}
}

// backoff is the pause between attempts: from a quarter of a second to five.
type backoff struct{ d time.Duration }

func (b *backoff) next() time.Duration {
	b.d = min(max(250*time.Millisecond, 2*b.d), 5*time.Second)
	return b.d
}

func (b *backoff) reset() { b.d = 0 }

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
