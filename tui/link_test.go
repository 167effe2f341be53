package tui

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestLostLinkKeepsTheLastDataAndSaysHowOldTheyAre(t *testing.T) {
	s := web(t)
	s.fake.Fail(errors.New("connection reset"))
	s.now = s.now.Add(4 * time.Second)
	s.look()
	s.wants("link lost 4s", "listeners unaffected", "reconnecting: connection reset", "127.0.0.1:8080")
	s.press("+", "s")
	s.wants("nothing can be changed until it is back")
	s.applied()
	s.now = s.now.Add(3 * time.Minute)
	s.look()
	s.wants("link lost 3m")
	s.fake.Fail(nil)
	s.look()
	s.lacks("link lost")
	s.press("+").applied("listeners.web.prefork.workers=5")
}

func TestSilentLinkIsLostToo(t *testing.T) {
	s := web(t)
	s.now = s.now.Add(3 * time.Second)
	s.tick()
	s.lacks("link lost")
	s.now = s.now.Add(7 * time.Second)
	s.tick()
	s.wants("link lost 10s")
}

func TestRefusedConfigStaysOnScreenUntilItIsRight(t *testing.T) {
	s := play(t, "refused", 120, 24)
	const why = `/etc/rockstar-tui/config.yaml:18:7: listeners.web.timeouts.raed: unknown key, did you mean "read"?`
	for _, k := range []string{"2", "3", "1", "enter", "j"} {
		s.press(k).wants("config refused, still running revision 7 (+1 more)", why)
		s.pass(time.Minute)
		s.look()
	}
	s.fake.Set(controltest.Scene("busy"))
	s.look()
	s.lacks("config refused", "file refused")
}

func TestRatesComeFromTwoSnapshotsOfOneProcess(t *testing.T) {
	s := newStage(t, "busy", 80, 24)
	now := controltest.Scene("busy")
	s.fake.Set(now)
	s.look()
	now.Time = now.Time.Add(2 * time.Second)
	now.Listeners[1].Requests += 100
	s.fake.Set(now)
	s.look()
	if got := s.m.data.Listeners[1].Requests; got != 50 {
		t.Errorf("%v requests/s, want 50", got)
	}
	now.Time = now.Time.Add(2 * time.Second)
	now.PID, now.StartedAt = now.PID+1, now.Time
	now.Listeners[1].Requests = 3
	now.Listeners[1].History = nil
	s.fake.Set(now)
	s.look()
	if got := s.m.data.Listeners[1].Requests; got >= 0 {
		t.Errorf("%v requests/s after a restart, want none yet", got)
	}
}

// The rest of this file is about the goroutine that watches.

// scripted is a Controller of which only Watch is used.
type scripted struct {
	control.Controller
	watch func(ctx context.Context, opts control.WatchOptions, fn func(*control.Snapshot)) error
}

func (s *scripted) Watch(ctx context.Context, opts control.WatchOptions, fn func(*control.Snapshot)) error {
	return s.watch(ctx, opts, fn)
}

func TestFeedReconnectsForeverWithLongerAndLongerPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Duration
		start := time.Now()
		f := newFeed(&scripted{watch: func(context.Context, control.WatchOptions, func(*control.Snapshot)) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(start))
			return errors.New("refused")
		}}, &crash{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.run(ctx) }()
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
		if f.newest.Load().err == nil {
			t.Error("the look has no error")
		}
	})
}

func TestFeedTurnsToTheOtherPaceAtOnceAndKeepsItsSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paces := make(chan time.Duration, 10)
		f := newFeed(&scripted{watch: func(ctx context.Context, opts control.WatchOptions, fn func(*control.Snapshot)) error {
			paces <- opts.Interval
			fn(controltest.Scene("idle"))
			<-ctx.Done()
			return ctx.Err()
		}}, &crash{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.run(ctx) }()
		synctest.Wait()
		f.hurry(true)
		f.hurry(true)
		synctest.Wait()
		f.hurry(false)
		synctest.Wait()
		cancel()
		<-done
		close(paces)
		var got []time.Duration
		for p := range paces {
			got = append(got, p)
		}
		if len(got) != 3 || got[0] != calm || got[1] != eager || got[2] != calm {
			t.Errorf("watched at %v, want %v, %v, %v", got, calm, eager, calm)
		}
		if l := f.newest.Load(); l.err != nil || l.snapshot == nil {
			t.Errorf("look %+v, want the snapshot and no error", l)
		}
	})
}

func TestPanicOfTheFeedIsCaughtAndEndsTheCockpit(t *testing.T) {
	quit := make(chan struct{})
	c := &crash{quit: func() { close(quit) }}
	f := newFeed(&scripted{watch: func(context.Context, control.WatchOptions, func(*control.Snapshot)) error {
		panic("no such thing")
	}}, c)
	f.run(t.Context())
	<-quit
	if err := c.report(func() (string, error) { return t.TempDir(), nil }, "v0"); err == nil {
		t.Error("no report")
	}
}
