// Package controltest helps to test what watches and operates a runtime, and
// what implements one: [Fake] is a [control.Controller] in memory, [Scene] has
// canned snapshots, [TestController] is the contract that every Controller keeps.
package controltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

var _ control.Controller = (*Fake)(nil)

// Fake is a Controller in memory. It decides by the rules of the runtime, on a
// config made of the state that it is given, and what it decides is done at once.
// Its clock stands still until [Fake.Step]. It is safe for concurrent use.
type Fake struct {
	mu sync.Mutex
	// now is never changed once it is here, only replaced, because watchers hold it.
	now     *control.Snapshot
	changes []control.Change
	actions []control.Action
	rates   map[string]int // requests per second by listener, for Step
	steps   int
	failed  error
	refused error
	ledger  *ledger.Ledger
	clock   time.Time     // of the ledger
	wake    chan struct{} // closed and replaced whenever something changes
}

// NewFake returns a Fake in the given state, which it copies.
func NewFake(s *control.Snapshot) *Fake {
	f := &Fake{wake: make(chan struct{})}
	f.take(s)
	return f
}

// take makes a copy of s the present state; mu is held.
func (f *Fake) take(s *control.Snapshot) {
	f.now = clone(s)
	f.rates = ratesOf(f.now)
	f.begin(f.now)
	f.now.Generation = f.ledger.View().Generation
	f.now.Config.Generation = f.now.Generation
}

// Fail makes every call end with err, those under way included, until
// Fail(nil): what a lost connection looks like.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = err
	f.notify()
}

// Refuse makes Apply and Act end with err, until Refuse(nil). They are still recorded.
func (f *Fake) Refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = err
}

// Set replaces the state and shows it to the watchers.
func (f *Fake) Set(s *control.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.take(s)
	f.notify()
}

// Changes returns what Apply was asked for so far.
func (f *Fake) Changes() []control.Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.changes)
}

// Actions returns what Act was asked for so far.
func (f *Fake) Actions() []control.Action {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.actions)
}

// notify wakes the watchers; mu is held.
func (f *Fake) notify() {
	close(f.wake)
	f.wake = make(chan struct{})
}

// Snapshot returns the present state, without histories.
func (f *Fake) Snapshot(ctx context.Context) (*control.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, _, err := f.look(control.WatchOptions{})
	return s, err
}

// Watch calls fn at once, whenever the Fake changes, and at every interval.
func (f *Fake) Watch(ctx context.Context, opts control.WatchOptions, fn func(*control.Snapshot)) error {
	opts = opts.Effective()
	tick := time.NewTicker(opts.Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		s, changed, err := f.look(opts)
		if err != nil {
			return err
		}
		fn(s)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-tick.C:
		}
	}
	return ctx.Err()
}

// look returns the state as a watcher gets it, and a channel that is closed when
// it has changed.
func (f *Fake) look(o control.WatchOptions) (*control.Snapshot, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return nil, nil, f.failed
	}
	s := clone(f.now)
	for i := range s.Listeners {
		l := &s.Listeners[i]
		l.History = l.History[max(0, len(l.History)-o.History):]
		if !o.Looks("listeners." + l.Name) {
			l.History = nil
			for j := range l.Workers {
				l.Workers[j].CPUSeconds, l.Workers[j].MemoryBytes = 0, 0
			}
		}
	}
	s.Problems = problems.Find(s, nil, s.Problems, problems.Facts{})
	return s, f.wake, nil
}

// ready reports why a call cannot be answered; mu is held.
func (f *Fake) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.failed
}

// addEvent appends e with the next number and the present time.
func addEvent(s *control.Snapshot, e control.Event) {
	e.Seq, e.Time = 1, s.Time
	if n := len(s.Events); n > 0 {
		e.Seq = s.Events[n-1].Seq + 1
	}
	s.Events = append(s.Events, e)
	s.Events = s.Events[max(0, len(s.Events)-100):]
}

// Act records the action. A restarted worker has a new process at once, a
// shutdown stops every listener.
func (f *Fake) Act(ctx context.Context, a control.Action) (*control.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	f.actions = append(f.actions, a)
	if f.refused != nil {
		return nil, f.refused
	}
	switch a.Kind {
	case control.Confirm, control.Rollback, control.AcceptHeld, control.RejectHeld, control.Reload:
		return f.actOnConfig(a)
	}
	to := clone(f.now)
	message, err := operate(to, a)
	if err != nil {
		return nil, err
	}
	addEvent(to, control.Event{Level: control.LevelInfo, Listener: a.Listener, Actor: a.Actor, Message: message})
	cause := control.EndedDrained
	if a.Kind == control.DrainNow {
		cause = control.EndedNow
	}
	id := receipt(f.now, to, message, a.Actor, cause)
	if a.Kind == control.Replace {
		to.Upgrade.Receipt = id
	}
	f.now = to
	f.notify()
	return &control.Result{ID: id, Generation: to.Generation, Message: message}, nil
}

// operate carries out an action that is about processes.
func operate(s *control.Snapshot, a control.Action) (string, error) {
	switch a.Kind {
	case control.RestartWorker:
		return restart(s, a.Listener, a.Worker)
	case control.DrainExtend, control.DrainNow:
		return redrain(s, a)
	case control.RestartWorkers:
		return restartAll(s, a.Listener)
	case control.Replace:
		return replace(s, a)
	case control.Shutdown:
		for i := range s.Listeners {
			stop(&s.Listeners[i])
		}
		return "shutting down", nil
	}
	return "", control.UnknownAction(a.Kind)
}

// redrain moves the deadlines of what drains.
func redrain(s *control.Snapshot, a control.Action) (string, error) {
	if err := a.CheckDrain(); err != nil {
		return "", err
	}
	if a.Listener != "" && find(s, a.Listener) == nil {
		return "", notFound("listener", fmt.Sprintf("no listener %q", a.Listener))
	}
	n := 0
	for i := range s.Listeners {
		l := &s.Listeners[i]
		for j := range l.Workers {
			w := &l.Workers[j]
			if w.DrainDeadline == nil || a.Listener != "" && a.Listener != l.Name || !a.All && a.Worker != w.ID {
				continue
			}
			until := w.DrainDeadline.Add(time.Duration(a.By))
			if a.Kind == control.DrainNow {
				until, w.Connections.Active, w.Connections.Idle = s.Time, 0, 0
			}
			w.DrainDeadline = &until
			n++
		}
		recount(l)
	}
	if n == 0 {
		return "", a.NothingDrains()
	}
	return a.DrainDone(n).Text, nil
}

// replace has every program for the next version, and takes no time over it.
func replace(s *control.Snapshot, a control.Action) (string, error) {
	u := control.Upgrade{Number: 1, State: control.UpgradeDone, Binary: a.Binary, Actor: a.Actor, Reason: a.Reason,
		From: s.Version, To: s.Version + "+1", Since: s.Time}
	if s.Upgrade != nil {
		u.Number = s.Upgrade.Number + 1
	}
	s.Version, s.Upgrade = u.To, &u
	return fmt.Sprintf("version %s is good and takes over from %s", u.To, u.From), nil
}

func restart(s *control.Snapshot, name string, id int) (string, error) {
	l := find(s, name)
	if l == nil {
		return "", notFound("listener", fmt.Sprintf("no listener %q", name))
	}
	i := slices.IndexFunc(l.Workers, func(w control.WorkerInfo) bool { return w.ID == id })
	if i < 0 {
		return "", notFound("worker", fmt.Sprintf("listener %q has no worker %d", name, id))
	}
	if !l.Prefork {
		return "", &control.Error{Code: control.CodeUnsupported,
			Message: fmt.Sprintf("listener %q is served in the master process, which is not restarted", name)}
	}
	old := l.Workers[i]
	l.Workers[i] = control.WorkerInfo{ID: id, PID: nextPID(s), State: control.WorkerReady, StartedAt: s.Time, Restarts: old.Restarts + 1}
	recount(l)
	return fmt.Sprintf("worker %d of %s is replaced", id, name), nil
}

// restartAll replaces the workers of one listener, or of all that have some.
func restartAll(s *control.Snapshot, name string) (string, error) {
	if name != "" && find(s, name) == nil {
		return "", notFound("listener", fmt.Sprintf("no listener %q", name))
	}
	var parts []string
	for i := range s.Listeners {
		l := &s.Listeners[i]
		if name != "" && name != l.Name || !l.Prefork || !l.Enabled {
			continue
		}
		for _, w := range slices.Clone(l.Workers) {
			if _, err := restart(s, l.Name, w.ID); err != nil {
				return "", err
			}
		}
		parts = append(parts, fmt.Sprintf("%s: %d workers replaced", l.Name, len(l.Workers)))
	}
	if parts == nil {
		return "", &control.Error{Code: control.CodeUnsupported, Message: "there are no worker processes, all is served in the master process"}
	}
	return strings.Join(parts, "; "), nil
}

func notFound(path, message string) *control.Error {
	return &control.Error{Code: control.CodeNotFound, Message: message,
		Details: []control.Detail{{Path: path, Message: message}}}
}
