package runtime

import (
	"context"
	"fmt"
	"slices"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

// apply brings the running state to what to says and returns what changed. First
// comes what can fail: addresses are bound, workers started, settings accepted
// by all of them; a failure undoes it and leaves no trace. Then the change is
// decided, and what it replaces is retired. Callers hold changeMu.
func (a *App) apply(ctx context.Context, to *config.Config) ([]config.Change, error) {
	changes, _, err := a.carryOut(ctx, deed{to: to})
	return changes, err
}

// carryOut is apply for a deed: with what else can fail, done last of all that
// can, and with the number of the receipt; 0 if it has no plan.
func (a *App) carryOut(ctx context.Context, d deed) ([]config.Change, uint64, error) {
	to := d.to
	changes := config.Diff(a.config, to)
	steps, err := a.steps(a.planView(a.view()), to, a.cells.Place)
	if err != nil {
		return nil, 0, err
	}
	for i, s := range steps {
		if err := s.check(ctx); err != nil {
			return nil, 0, err
		}
		steps[i].retired = s.retirees()
	}
	var undo, retire []func()
	var lost lostSteps
	back := func(err error) ([]config.Change, uint64, error) {
		for _, f := range slices.Backward(undo) {
			f()
		}
		if a.endpoints.IsClosed() { // who ended the runtime has not waited, and may have missed what came back just now
			for _, s := range steps {
				s.managed.End()
			}
		}
		return nil, 0, err
	}
	for _, s := range steps {
		takeBack, after, err := s.prepare(ctx)
		if d.lenient && endpoints.IsBindError(err) {
			lost = append(lost, lostStep{s, err})
			continue
		}
		if err != nil {
			return back(err)
		}
		undo, retire = append(undo, takeBack), append(retire, after)
	}
	if len(lost) > 0 && len(undo) == 0 {
		return back(lost.error())
	}
	if d.last != nil {
		if err := d.last(); err != nil {
			return back(err)
		}
	}
	failpoint("prepared")
	if !a.commit(to, steps, changes) {
		return back(ErrClosed)
	}
	failpoint("committed")
	lost.tell(a)
	a.keys.Use(a.usedCerts(), a.trial != nil || a.trying)
	id := a.begun(d, steps, changes)
	for _, f := range retire {
		f()
	}
	a.endpoints.MarkedAll(id)
	a.endpoints.Announce()
	failpoint("retired")
	return changes, id, nil
}

// commit makes to what runs, unless the runtime has begun to end. The listeners come
// first: who looks sees them as they are at this revision, or newer.
func (a *App) commit(to *config.Config, steps []step, changes []config.Change) bool {
	used := make([]*endpoints.Listener, len(steps))
	for i, s := range steps {
		used[i] = s.managed
	}
	if !a.endpoints.Commit(to.Listeners, used) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.config = to
	if len(changes) > 0 || a.revision == 0 {
		a.revision++
		a.edited = a.edited.add(a.revision, a.changing.actor, changes)
	}
	return true
}

// check finds, without touching anything that runs, what would make the
// settings fail in whoever serves them. It looks at directories that are served,
// and waits for them within bounds.
func (s step) check(ctx context.Context) error {
	if s.Ends() {
		return nil
	}
	_, err := slowdisk.Within(ctx, &s.app.files, "listener "+s.Name, slowdisk.FileTimeout, func() (struct{}, error) {
		return struct{}{}, s.try()
	})
	return err
}

func (s step) try() error {
	if e := s.running; e != nil && !s.Opens() {
		if err := e.MaySteerBy(s.to); err != nil {
			return err
		}
	}
	if err := serving.Check(s.to, s.app.programOf(s.Name), s.app.log); err != nil {
		return fmt.Errorf("listener %s: %w", s.Name, err)
	}
	return nil
}

// prepare does what can fail. It returns how to take it back, and what is to be
// retired when the change is decided.
func (s step) prepare(ctx context.Context) (undo, retire func(), err error) {
	switch {
	case s.Ends():
		return func() {}, s.managed.Stop, nil
	case s.Opens():
		return s.managed.Open(ctx, s.to)
	default:
		return s.running.Change(ctx, s.to)
	}
}
