package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
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
func (a *App) OnShutdown(hook func(ctx context.Context) error) { a.hooks.add(hook) }

// hooks are called once, the last one first.
type hooks struct {
	mu  sync.Mutex
	all []func(context.Context) error
}

func (h *hooks) add(hook func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, hook)
}

// take returns all of them, which are not called again.
func (h *hooks) take() []func(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.all
	h.all = nil
	return all
}

// call logs and returns what went wrong, a second after the end of ctx at the latest.
func (h *hooks) call(ctx context.Context, log *slog.Logger) error {
	all := h.take()
	if len(all) == 0 {
		return nil
	}
	called := make(chan error, 1)
	go func() {
		var err error
		for _, hook := range slices.Backward(all) {
			err = errors.Join(err, callHook(ctx, hook))
		}
		called <- err
	}()
	err := errors.New("a shutdown hook has not returned in time")
	select {
	case err = <-called:
	case <-ctx.Done():
		select {
		case err = <-called:
		case <-time.After(cutTimeout):
		}
	}
	if err != nil {
		log.Error("shutdown hook", "error", err)
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

// beginTasks begins what goes on for as long as an App has listeners.
func beginTasks(a *App) {
	for _, task := range []func(context.Context){a.monitor.Run, a.endpoints.PublishCounts, a.engine.Run} {
		a.background(task)
	}
}

// watchers of a runtime.
type watchers struct{ looked atomic.Int64 }

// look notes that one begins to look.
func (w *watchers) look() { w.looked.Store(time.Now().UnixNano()) }

// awaitLook gives who asked for the end, and watches it, the time to see what
// became of the connections.
func (w *watchers) awaitLook() {
	over := time.Now()
	if over.UnixNano()-w.looked.Load() > int64(2*time.Second) {
		return // nobody watches
	}
	for end := over.Add(time.Second); w.looked.Load() < over.UnixNano() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
}
