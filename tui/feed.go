package tui

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// look is what the feed knows of the runtime.
type look struct {
	// snapshot is the newest one, nil before the first.
	snapshot *control.Snapshot
	// at is when it came.
	at time.Time
	// err is why the link is down, nil while it is up.
	err error
}

// feed watches the runtime and keeps the newest look, for the model to take
// when it likes. It never sends anything to the program, so the runtime's data
// cannot pile up in front of a busy or suspended screen.
type feed struct {
	ctl    control.Controller
	newest atomic.Pointer[look]
	fast   atomic.Bool
	// turn wakes the watcher when the pace changes.
	turn  chan struct{}
	crash *crash
}

// Paces of looking.
const (
	calm  = time.Second
	eager = 200 * time.Millisecond
	// history is asked for in seconds: a minute, and what the oldest bar of a
	// chart may need beyond it.
	history = 120
)

func newFeed(ctl control.Controller, c *crash) *feed {
	f := &feed{ctl: ctl, turn: make(chan struct{}, 1), crash: c}
	f.newest.Store(&look{})
	return f
}

// hurry changes the pace. It does not block.
func (f *feed) hurry(fast bool) {
	if f.fast.Swap(fast) != fast {
		select {
		case f.turn <- struct{}{}:
		default:
		}
	}
}

// run watches until ctx ends, and connects again for as long as that takes.
func (f *feed) run(ctx context.Context) {
	defer f.crash.caught()
	pause := backoff{}
	for ctx.Err() == nil {
		turned, err := f.watch(ctx, &pause)
		if turned || ctx.Err() != nil {
			continue
		}
		if err == nil {
			err = errors.New("the runtime has closed the connection")
		}
		last := f.newest.Load()
		f.newest.Store(&look{snapshot: last.snapshot, at: last.at, err: err})
		sleep(ctx, pause.next())
	}
}

// watch runs one Watch, until it ends or the pace changes.
func (f *feed) watch(ctx context.Context, pause *backoff) (turned bool, err error) {
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
			f.newest.Store(&look{snapshot: s, at: time.Now()})
		}
	})
	cancel()
	<-done
	return changed.Load(), err
}

func (f *feed) options() control.WatchOptions {
	if f.fast.Load() {
		return control.WatchOptions{Interval: eager, History: history}
	}
	return control.WatchOptions{Interval: calm, History: history}
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
