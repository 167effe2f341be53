package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// changeWait is how long a change waits for the one before it.
var changeWait = 30 * time.Second

// changing is who holds changeMu, for those who wait.
type changing struct {
	actor string
	since time.Time
	// yield cancels the turn for a clock that cannot wait; nil if it does not yield.
	yield context.CancelCauseFunc
}

// errYielded ends a turn that had to make way for the end of a trial.
var errYielded = errors.New("the time of a trial is up, and it is taken back first: try again")

// turn is what somebody wants changeMu for.
type turn struct {
	// actor is who changes something; empty for the runtime itself, which waits
	// for as long as it takes.
	actor string
	// urgent goes before everybody else, and cancels a turn that yields.
	urgent, yields bool
	// to is the config that the turn is about to make run, as far as can be told
	// from a view; nil if none. What it needs from the disk is read before.
	to func(*ledger.View) *config.Config
}

// lockAs waits for its turn to change something, for somebody; see lock.
func (a *App) lockAs(ctx context.Context, actor string) (turnCtx context.Context, unlock func(), err error) {
	return a.lock(ctx, turn{actor: actor})
}

// lock waits for its turn to change something, within bounds: who waits for
// longer is told for whom. The context returned also ends with the runtime, and
// when the turn has to yield. Nothing reads files under the lock: they may be on
// a disk that hangs.
func (a *App) lock(ctx context.Context, t turn) (turnCtx context.Context, unlock func(), err error) {
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	for tries := 3; ; tries-- {
		reading, done := a.untilEnd(ctx)
		plan, err := a.readFor(reading, t)
		done()
		if err != nil {
			return nil, nil, err
		}
		if turnCtx, unlock, err = a.await(ctx, t); err != nil {
			return nil, nil, err
		}
		a.ahead = plan
		if t.to == nil || tries == 0 || a.keys.Covers(t.to(a.ledger.View())) {
			return turnCtx, unlock, nil
		}
		unlock() // what runs has changed since, so that other certificates are needed
	}
}

// untilEnd is ctx that also ends when the runtime begins to end.
func (a *App) untilEnd(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(a.ending, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// readFor reads what a turn will need from the disk, and plans it: workers are
// asked for their connections, which takes time too.
func (a *App) readFor(ctx context.Context, t turn) (*ahead, error) {
	if t.to == nil {
		return nil, nil
	}
	v := a.ledger.View()
	to := t.to(v)
	if to == nil {
		return nil, nil
	}
	if err := a.keys.Load(ctx, to); err != nil {
		return nil, err
	}
	if err := a.askRoots(ctx, v.Running, to); err != nil || t.urgent {
		return nil, err
	}
	return a.planAhead(ctx, v, to), nil
}

// await takes changeMu.
func (a *App) await(ctx context.Context, t turn) (turnCtx context.Context, unlock func(), err error) {
	if t.urgent {
		a.urgent.Add(1)
		defer a.urgent.Add(-1)
		a.yieldNow()
	}
	began := time.Now()
	for (!t.urgent && a.urgent.Load() > 0) || !a.changeMu.TryLock() {
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-a.ending.Done():
			return nil, nil, &control.Error{Code: control.CodeUnavailable, Message: ErrClosed.Error()}
		case <-time.After(5 * time.Millisecond):
		}
		switch {
		case t.urgent:
			a.yieldNow()
		case t.actor == "":
		case a.replacing():
			return nil, nil, &control.Error{Code: control.CodeConflict, Message: "the program is being replaced by another version: try again in a moment"}
		case time.Since(began) > changeWait:
			return nil, nil, &control.Error{Code: control.CodeConflict, Message: a.busy()}
		}
	}
	turnCtx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(a.ending, func() { cancel(ErrClosed) })
	c := changing{actor: t.actor, since: time.Now()}
	if t.yields {
		c.yield = cancel
	}
	a.setChanging(c)
	return turnCtx, func() {
		stop()
		cancel(nil)
		a.setChanging(changing{})
		a.ahead = nil
		a.changeMu.Unlock()
	}, nil
}

// turnEnded is why the context of a turn has ended.
func turnEnded(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrClosed):
		return &control.Error{Code: control.CodeUnavailable, Message: ErrClosed.Error()}
	case errors.Is(cause, errYielded):
		return &control.Error{Code: control.CodeConflict, Message: errYielded.Error()}
	}
	return ctx.Err()
}

// yieldNow cancels the turn under way if it yields.
func (a *App) yieldNow() {
	a.mu.RLock()
	yield := a.changing.yield
	a.mu.RUnlock()
	if yield != nil {
		yield(errYielded)
	}
}

// lockForGood takes changeMu for the end of the runtime: a turn under way is
// cancelled, and left behind if it has not come back within limit.
func (a *App) lockForGood(limit time.Duration) {
	a.endpoints.Close()
	for end := time.Now().Add(limit); !a.changeMu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			a.log.Warn("a change that has not come to its end is left behind", "who", a.busy())
			return
		}
	}
}

func (a *App) setChanging(c changing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changing = c
}

// setChangingActor names who has the turn under way.
func (a *App) setChangingActor(actor string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changing.actor = actor
}

// busy tells who is changing something.
func (a *App) busy() string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	who := a.changing.actor
	if who == "" {
		who = "the runtime itself"
	}
	if a.changing.since.IsZero() {
		return "others change something all the time: try again"
	}
	return fmt.Sprintf("%s has been changing something since %s, for %s: try again",
		who, a.changing.since.Format(time.TimeOnly), time.Since(a.changing.since).Round(time.Second))
}

// actorNow is who changes something just now.
func (a *App) actorNow() string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.changing.actor
}
