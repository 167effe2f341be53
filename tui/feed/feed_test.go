package feed_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/tui/feed"
)

// scripted is a Controller of which only Watch is used.
type scripted struct {
	control.Controller
	watch func(ctx context.Context, opts control.WatchOptions, fn func(*control.Snapshot)) error
}

func (s *scripted) Watch(ctx context.Context, opts control.WatchOptions, fn func(*control.Snapshot)) error {
	return s.watch(ctx, opts, fn)
}

func TestItReconnectsForeverWithLongerAndLongerPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Duration
		start := time.Now()
		f := feed.New(&scripted{watch: func(context.Context, control.WatchOptions, func(*control.Snapshot)) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(start))
			return errors.New("refused")
		}}, func() {})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		time.Sleep(time.Hour)
		cancel()
		<-done
		if len(at) < 700 {
			t.Errorf("%d attempts in an hour, want one every five seconds", len(at))
		}
		for i := 1; i < len(at); i++ {
			if pause := at[i] - at[i-1]; pause > 5*time.Second || i == 1 && pause != 250*time.Millisecond {
				t.Fatalf("pause %d is %v", i, pause)
			}
		}
		if f.Newest().Err == nil {
			t.Error("the state has no error")
		}
	})
}

func TestItTurnsToTheOtherPaceAtOnceAndKeepsItsSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paces := make(chan time.Duration, 10)
		f := feed.New(&scripted{watch: func(ctx context.Context, opts control.WatchOptions, fn func(*control.Snapshot)) error {
			paces <- opts.Interval
			fn(controltest.Scene("idle"))
			<-ctx.Done()
			return ctx.Err()
		}}, func() {})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		synctest.Wait()
		f.SetFast(true)
		f.SetFast(true)
		synctest.Wait()
		f.SetFast(false)
		synctest.Wait()
		cancel()
		<-done
		close(paces)
		var got []time.Duration
		for p := range paces {
			got = append(got, p)
		}
		if len(got) != 3 || got[0] != feed.Slow || got[1] != feed.Fast || got[2] != feed.Slow {
			t.Errorf("watched at %v, want %v, %v, %v", got, feed.Slow, feed.Fast, feed.Slow)
		}
		if l := f.Newest(); l.Err != nil || l.Snapshot == nil {
			t.Errorf("state %+v, want the snapshot and no error", l)
		}
	})
}

func TestAPanicIsCaughtWhereItWasAskedFor(t *testing.T) {
	var value any
	f := feed.New(&scripted{watch: func(context.Context, control.WatchOptions, func(*control.Snapshot)) error {
		panic("no such thing")
	}}, func() { value = recover() })
	f.Run(t.Context())
	if value != "no such thing" {
		t.Errorf("caught %v", value)
	}
}
