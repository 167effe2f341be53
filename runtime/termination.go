package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// termination is an end that several callers may ask for. It happens once; each caller
// waits as long as its own context allows, and the first whose context ends makes
// the end happen at once.
type termination struct {
	once sync.Once
	ctx  context.Context
	cut  context.CancelCauseFunc
	done chan struct{} // closed when it is over
	err  error         // readable then
}

// await asks for the end, which end carries out, and waits for it. The context
// that end gets is done when it is to hurry.
func (e *termination) await(ctx context.Context, end func(ctx context.Context) error) error {
	e.once.Do(func() {
		e.ctx, e.cut = context.WithCancelCause(context.Background())
		go func() {
			defer close(e.done)
			e.err = end(e.ctx)
			e.cut(nil)
		}()
	})
	select {
	case <-e.done:
		return e.err
	case <-ctx.Done():
	}
	e.cut(context.Cause(ctx))
	select {
	case <-e.done:
	case <-time.After(cutTimeout):
	}
	return context.Cause(ctx)
}

func (e *termination) isOver() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// OnShutdown registers what is to be done when the App has shut down: when the
// last connection is gone and before Shutdown and Start return, the last
// registered first. The context ends when the shutdown has to hurry; a hook that
// goes on for a second more is left behind. The errors of hooks are logged, and
// joined in that of [App.Shutdown].
//
// With prefork, each worker calls the hooks that were registered in it before it
// started, when it has drained.
func (a *App) OnShutdown(hook func(ctx context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hooks = append(a.hooks, hook)
}

func (a *App) callHooks(ctx context.Context) error {
	a.mu.Lock()
	hooks := a.hooks
	a.hooks = nil
	a.mu.Unlock()
	if len(hooks) == 0 {
		return nil
	}
	called := make(chan error, 1)
	go func() {
		var err error
		for i := len(hooks) - 1; i >= 0; i-- {
			err = errors.Join(err, callHook(ctx, hooks[i]))
		}
		called <- err
	}()
	var err error
	select {
	case err = <-called:
	case <-ctx.Done():
		select {
		case err = <-called:
		case <-time.After(cutTimeout):
			err = errors.New("a shutdown hook does not return")
		}
	}
	if err != nil {
		a.log.Error("shutdown hook", "error", err)
	}
	return err
}

// callHook keeps a panic of one hook from the others.
func callHook(ctx context.Context, hook func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("shutdown hook: panic: %v", p)
		}
	}()
	return hook(ctx)
}
