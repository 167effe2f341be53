package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// events turns whatever happens in some directories into a kick. Names and
// kinds of events are not looked at: a Kubernetes volume changes a file without
// ever naming it, and a queue that overflowed names nothing.
type events struct {
	fs   *fsnotify.Watcher
	kick chan struct{} // holds at most one
	wg   sync.WaitGroup

	following map[string]fs.FileInfo
}

// newEvents starts two goroutines that only drain. That there are two, and that
// the watcher is never called from them, matters: it sends on Errors while it
// holds the mutex that Add, Remove and Close need.
func newEvents() (*events, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	e := &events{fs: w, kick: make(chan struct{}, 1), following: make(map[string]fs.FileInfo)}
	e.wg.Go(func() {
		for range w.Events {
			e.wake()
		}
	})
	e.wg.Go(func() {
		for range w.Errors {
			e.wake()
		}
	})
	return e, nil
}

func (e *events) wake() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// follow makes dirs the directories listened to and says whether one of them is
// new. A directory that was removed or renamed has been dropped by the kernel
// and is new when it is there again; so is another one in its place.
func (e *events) follow(dirs []string) (added bool, err error) {
	for dir := range e.following {
		if !slices.Contains(dirs, dir) {
			e.drop(dir)
		}
	}
	live := e.fs.WatchList()
	for _, dir := range dirs {
		fi, statErr := os.Stat(dir)
		if statErr != nil {
			continue // gone since it was listed; the poll will see
		}
		if was, ok := e.following[dir]; ok {
			if os.SameFile(was, fi) && slices.Contains(live, dir) {
				continue
			}
			e.drop(dir)
		}
		if addErr := e.fs.Add(dir); addErr != nil {
			if !errors.Is(addErr, fs.ErrNotExist) {
				err = fmt.Errorf("directory %s: %w", dir, cause(addErr))
			}
			continue
		}
		e.following[dir] = fi
		added = true
	}
	return added, err
}

// drop forgets a directory. The kernel may have been faster, which is fine.
func (e *events) drop(dir string) {
	_ = e.fs.Remove(dir)
	delete(e.following, dir)
}

// close ends both goroutines.
func (e *events) close() {
	_ = e.fs.Close()
	e.wg.Wait()
}

// limitHint names the setting behind an error of the system's limits, as the
// rest of a sentence.
func limitHint(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return "; raise fs.inotify.max_user_instances or the limit of open files"
	case errors.Is(err, syscall.ENOSPC):
		return "; raise fs.inotify.max_user_watches"
	}
	return ""
}
