// Package slowdisk reads and writes files that may not answer: a disk or a network
// file system may hang for as long as it likes, and nobody waits for it that long.
package slowdisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// FileTimeout bounds how long anything waits for a file: a certificate, a
	// directory that is served, the state directory.
	FileTimeout = 5 * time.Second
	// ConfigTimeout bounds it for the config file, for whose writer
	// watch.Read itself waits up to ten seconds.
	ConfigTimeout = 15 * time.Second
	// StateTimeout bounds a write to the state directory: a change waits for it.
	StateTimeout = 2 * time.Second
)

// Files runs what reads or writes a file, which may block for as long as a disk
// or a network file system does not answer. Each path has one call under way at
// most, so that a disk that hangs holds one thread and not one a second.
type Files struct {
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
func (f *Files) begin(ctx context.Context, path string, timeout time.Duration) (*fileCall, error) {
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

func (f *Files) end(path string, c *fileCall) {
	f.mu.Lock()
	delete(f.waiting, path)
	f.mu.Unlock()
	close(c.over)
}

// Within runs do, which reads or writes path, and waits for it no longer than
// ctx and the timeout allow. Then do is left behind, and what it returns is lost.
func Within[T any](ctx context.Context, f *Files, path string, timeout time.Duration, do func() (T, error)) (T, error) {
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
	return e.path + " did not answer in time: its disk or network file system hangs"
}

// IsLate reports whether err is about a file that has not answered in time.
func IsLate(err error) bool {
	var late *lateError
	return errors.As(err, &late)
}

// Read returns the content of a regular file of at most limit bytes. It may block:
// call it by [Within].
func Read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, err
}
