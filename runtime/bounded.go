package runtime

import (
	"context"
	"errors"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

const (
	// fileTimeout bounds how long anything waits for a file: a certificate, a
	// directory that is served, the state directory.
	fileTimeout = 5 * time.Second
	// configFileTimeout bounds it for the config file, for whose writer
	// watch.Read itself waits up to ten seconds.
	configFileTimeout = 15 * time.Second
	// stateTimeout bounds a write to the state directory: a change waits for it.
	stateTimeout = 2 * time.Second
)

// files runs what reads or writes a file, which may block for as long as a disk
// or a network file system does not answer. Each path has one call under way at
// most, so that a disk that hangs holds one thread and not one a second.
type files struct {
	mu      sync.Mutex
	waiting map[string]*fileCall
}

// fileCall is one that is under way.
type fileCall struct {
	since time.Time
	over  chan struct{}
}

// begin waits until nobody else is at the path, as long as ctx allows and until
// the other has been at it for the timeout.
func (f *files) begin(ctx context.Context, path string, timeout time.Duration) (*fileCall, error) {
	for {
		f.mu.Lock()
		before := f.waiting[path]
		if before == nil {
			c := &fileCall{since: time.Now(), over: make(chan struct{})}
			if f.waiting == nil {
				f.waiting = map[string]*fileCall{}
			}
			f.waiting[path] = c
			f.mu.Unlock()
			return c, nil
		}
		f.mu.Unlock()
		select {
		case <-before.over:
		case <-time.After(timeout - time.Since(before.since)):
			return nil, &lateError{path}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f *files) end(path string, c *fileCall) {
	f.mu.Lock()
	delete(f.waiting, path)
	f.mu.Unlock()
	close(c.over)
}

// within runs do, which reads or writes path, and waits for it no longer than
// ctx and the timeout allow. Then do is left behind, and what it returns is lost.
func within[T any](ctx context.Context, f *files, path string, timeout time.Duration, do func() (T, error)) (T, error) {
	type answer struct {
		v   T
		err error
	}
	var none T
	c, err := f.begin(ctx, path, timeout)
	if err != nil {
		return none, err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	answered := make(chan answer, 1)
	go func() {
		defer f.end(path, c)
		v, err := do()
		answered <- answer{v, err}
	}()
	select {
	case a := <-answered:
		return a.v, a.err
	case <-timer.C:
		return none, &lateError{path}
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// lateError is about a file that has not answered in time.
type lateError struct{ path string }

func (e *lateError) Error() string {
	return e.path + " has not answered in time: its disk or network file system hangs"
}

func isLate(err error) bool {
	var late *lateError
	return errors.As(err, &late)
}

// askRoots finds out whether the directories answer that the listeners serve
// which differ between two configs. Whether they can be served is checked later.
func (a *App) askRoots(ctx context.Context, from, to *config.Config) error {
	for name, l := range to.Listeners {
		if reflect.DeepEqual(from.Listeners[name], l) {
			continue
		}
		for _, r := range l.Routes {
			if r.Files == nil {
				continue
			}
			_, err := within(ctx, &a.files, r.Files.Root, fileTimeout, func() (os.FileInfo, error) { return os.Stat(r.Files.Root) })
			if isLate(err) {
				return &control.Error{Code: control.CodeRefused, Message: "listener " + name + ": files root: " + err.Error()}
			}
		}
	}
	return ctx.Err()
}
