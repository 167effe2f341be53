package controltest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

func snapshotIsSound(r *rig) {
	s := r.snapshot()
	if s.Time.IsZero() || s.StartedAt.IsZero() || s.StartedAt.After(s.Time) {
		r.Errorf("time %v, started at %v: want both, in order", s.Time, s.StartedAt)
	}
	if s.PID <= 0 || s.Generation == 0 {
		r.Errorf("pid %d, generation %d: want both above 0", s.PID, s.Generation)
	}
	if s.Role != control.RoleAdmin {
		r.Errorf("role %q, want %q", s.Role, control.RoleAdmin)
	}
	if refused := s.Config.State == control.ConfigRefused; refused != (s.Config.Error != nil) {
		r.Errorf("config is %s with error %v", s.Config.State, s.Config.Error)
	}
	if !slices.IsSortedFunc(s.Listeners, func(a, b control.ListenerInfo) int { return strings.Compare(a.Name, b.Name) }) {
		r.Error("listeners are not sorted by name")
	}
	for i := 1; i < len(s.Events); i++ {
		if s.Events[i].Seq <= s.Events[i-1].Seq {
			r.Errorf("event %d comes after event %d", s.Events[i].Seq, s.Events[i-1].Seq)
		}
	}
	listenerIsSound(r, r.listener(s))
}

func listenerIsSound(r *rig, l *control.ListenerInfo) {
	if !l.Enabled || l.State != control.StateServing && l.State != control.StateStarting && l.State != control.StateDegraded {
		r.Errorf("enabled %v and %s, want an enabled listener", l.Enabled, l.State)
	}
	if l.Address == "" || strings.HasSuffix(l.Address, ":0") {
		r.Errorf("address %q, want the bound one", l.Address)
	}
	if l.WorkersWanted < 1 || len(l.Workers) == 0 {
		r.Errorf("%d workers wanted, %d there: a listener that is served has at least one", l.WorkersWanted, len(l.Workers))
	}
	t := l.Timeouts
	for name, text := range map[string]string{"read": t.Read, "read_header": t.ReadHeader, "write": t.Write, "idle": t.Idle, "shutdown": t.Shutdown} {
		if d, err := time.ParseDuration(text); err != nil || d.String() != text {
			r.Errorf("timeout %s is %q, want a duration as Go writes it", name, text)
		}
	}
}

func callsEndWithTheirContext(r *rig) {
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	_, err := r.Controller.Snapshot(ctx)
	_, err2 := r.Controller.Apply(ctx, r.set("timeouts.idle", "7s"))
	err3 := r.Controller.Watch(ctx, control.WatchOptions{}, func(*control.Snapshot) {})
	for _, err := range []error{err, err2, err3} {
		if !errors.Is(err, context.Canceled) {
			r.Errorf("a call with a cancelled context ended with %v, want %v", err, context.Canceled)
		}
	}
}

func watchShowsTheStateAtOnce(r *rig) {
	seen := make(chan *control.Snapshot, 1)
	stop := r.watch(control.WatchOptions{Interval: time.Hour}, offer(seen))
	defer stop()
	if s := receive(r, "first snapshot, with an interval of an hour", seen); s.Generation == 0 {
		r.Error("the first snapshot has no revision")
	}
}

func watchGoesOnAtTheInterval(r *rig) {
	seen := make(chan *control.Snapshot)
	ctx, cancel := context.WithCancel(r.ctx)
	stop := r.watch(control.WatchOptions{Interval: 100 * time.Millisecond}, func(s *control.Snapshot) {
		select {
		case seen <- s:
		case <-ctx.Done():
		}
	})
	defer stop()
	defer cancel()
	before := receive(r, "snapshot", seen)
	for range 4 {
		now := receive(r, "next snapshot", seen)
		if now.Time.Before(before.Time) {
			r.Errorf("time goes back from %v to %v", before.Time, now.Time)
		}
		before = now
	}
}

func watchCarriesHistoryOnlyWhenAsked(r *rig) {
	for _, history := range []int{0, 5} {
		seen := make(chan *control.Snapshot, 1)
		stop := r.watch(control.WatchOptions{Interval: time.Hour, History: history}, offer(seen))
		s := receive(r, "snapshot", seen)
		if got := len(r.listener(s).History); got > history {
			r.Errorf("history has %d points, %d were asked for", got, history)
		}
		stop()
	}
}

// watchMeasuresWhatIsLookedAt: what costs to find out comes for what is looked at
// and for nothing else.
func watchMeasuresWhatIsLookedAt(r *rig) {
	look := func(path string, seen func(*control.Snapshot)) (stop func() error) {
		return r.watch(control.WatchOptions{Interval: 100 * time.Millisecond, History: 5, Look: []string{path}}, seen)
	}
	measured := make(chan *control.Snapshot, 1)
	stop := look(r.path("workers.0"), func(s *control.Snapshot) {
		if len(r.listener(s).History) > 0 {
			offer(measured)(s)
		}
	})
	receive(r, "history of what is looked at", measured)
	stop()

	seen := make(chan *control.Snapshot, 1)
	stop = look("listeners.there-is-none", offer(seen))
	defer stop()
	l := r.listener(receive(r, "snapshot", seen))
	if len(l.History) > 0 || slices.ContainsFunc(l.Workers, func(w control.WorkerInfo) bool { return w.MemoryBytes+uint64(w.CPUSeconds) > 0 }) {
		r.Errorf("what is not looked at comes with a history of %d points and workers %+v, want none measured", len(l.History), l.Workers)
	}
}

func watchEndsWithItsContext(r *rig) {
	seen := make(chan *control.Snapshot, 1)
	stop := r.watch(control.WatchOptions{Interval: time.Hour}, offer(seen))
	receive(r, "snapshot", seen)
	if err := stop(); !errors.Is(err, context.Canceled) {
		r.Errorf("the watch ended with %v, want %v", err, context.Canceled)
	}
}

func slowWatcherBlocksNobody(r *rig) {
	fast := control.WatchOptions{Interval: 100 * time.Millisecond}
	stuck, release := make(chan *control.Snapshot, 1), make(chan struct{})
	slow := make(chan *control.Snapshot, 1000)
	stopSlow := r.watch(fast, func(s *control.Snapshot) {
		offer(stuck)(s)
		<-release
		offer(slow)(s)
	})
	receive(r, "snapshot for the slow watcher", stuck)

	seen := make(chan *control.Snapshot, 1)
	stop := r.watch(fast, offer(seen))
	for range 5 {
		receive(r, "snapshot beside a slow watcher", seen)
	}
	res := r.apply(r.set("timeouts.idle", "41s"))
	r.until("the change beside a slow watcher", func(s *control.Snapshot) bool { return s.Generation >= res.Generation })
	stop()

	close(release)
	receive(r, "first, old snapshot", slow)
	// What came while the watcher was busy is missed but for one or two, of
	// which one may be on its way already.
	for missed := 0; receive(r, "newer snapshot for the slow watcher", slow).Generation < res.Generation; missed++ {
		if missed == 2 {
			r.Error("the slow watcher is shown one old state after the other")
			break
		}
	}
	stopSlow()
}
