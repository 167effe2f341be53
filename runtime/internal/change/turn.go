package change

import (
	"context"
	"errors"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// turn is what somebody wants to change something for.
type turn struct {
	Turn
	// to is the config that the turn is about to make run, as far as can be told
	// from a view; nil if none. What it needs from the disk is read before.
	to func(*ledger.View) *config.Config
}

// by is a turn of somebody who does not wait for ever.
func (e *Engine) by(actor string) Turn {
	return Turn{Actor: orSomebody(actor), Patience: e.patience}
}

// lock waits for a turn to change something, within bounds: who waits for longer is
// told for whom. The context returned also ends with the runtime, and when the turn
// has to yield. Files that the turn needs are read before it: they may be on a disk
// that hangs.
func (e *Engine) lock(ctx context.Context, t turn) (turnCtx context.Context, done func(), err error) {
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	for tries := 3; ; tries-- {
		reading, read := e.untilEnd(ctx)
		plan, err := e.readFor(reading, t)
		if err != nil && reading.Err() != nil {
			err = turnEnded(reading)
		}
		if read(); err != nil {
			return nil, nil, err
		}
		turnCtx, done, err = e.queue.Take(ctx, t.Turn)
		if err != nil {
			return nil, nil, err
		}
		e.ahead = plan
		if t.to == nil || tries == 0 || e.keys.Covers(t.to(e.ledger.View())) {
			return turnCtx, done, nil
		}
		done() // what runs has changed since, so that other certificates are needed
	}
}

// untilEnd is ctx that also ends when the runtime begins to end.
func (e *Engine) untilEnd(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(e.ending, func() { cancel(errShutDown) })
	return ctx, func() { stop(); cancel(nil) }
}

// readFor reads what a turn will need from the disk, and plans it: workers are
// asked for their connections, which takes time too.
func (e *Engine) readFor(ctx context.Context, t turn) (*ahead, error) {
	if t.to == nil {
		return nil, nil
	}
	v := e.ledger.View()
	to := t.to(v)
	if to == nil {
		return nil, nil
	}
	if err := e.keys.Load(ctx, to); err != nil {
		return nil, err
	}
	if err := e.steps.AskRoots(ctx, v.Running, to); err != nil || t.Urgent {
		return nil, err
	}
	return e.planAhead(ctx, v, to), nil
}

// errShutDown is told to who wants to change something when the runtime has begun to
// end.
var errShutDown = control.Fail(control.CodeUnavailable, message.ShutDown)

// turnEnded is why the context of a turn has ended.
func turnEnded(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, control.ErrUnavailable):
		return errShutDown
	case errors.Is(cause, ErrYielded):
		return &control.Error{Code: control.CodeConflict, Message: ErrYielded.Error()}
	}
	return ctx.Err()
}
