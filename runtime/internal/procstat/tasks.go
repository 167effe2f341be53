package procstat

import (
	"fmt"
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/internal/words"
)

const (
	// tasksBeside are the threads of a worker beside those that run Go code, and
	// the one in the master that waits for its end; measured.
	tasksBeside = 7
	// tasksKept are left for this process: where a thread cannot be started, Go
	// ends the program.
	tasksKept = 16
	// tasksNear is from how few on it has its threads started beforehand.
	tasksNear = 2000
)

// RoomForWorkers reports an error if the system would not let so many more
// workers start: this process would die of it, and not only they.
func RoomForWorkers(n int) error {
	limit, ok := tightestTaskLimit()
	if !ok || n == 0 {
		return nil
	}
	need := uint64(n * (goruntime.GOMAXPROCS(0) + tasksBeside))
	if need+tasksKept <= limit.free() {
		return nil
	}
	return fmt.Errorf("%s need about %d processes and threads, and there is room for %d: %s",
		words.Count(n, "more worker"), need, limit.free()-min(limit.free(), tasksKept), limit)
}

var threadsOnce sync.Once

// KeepThreads starts threads for this process to go on with when no other can be
// started, if that may come to pass. Go keeps threads that have nothing to do.
func KeepThreads() {
	limit, ok := tightestTaskLimit()
	if !ok || limit.free() > tasksNear || limit.free() < 2*tasksKept {
		return
	}
	threadsOnce.Do(func() { occupyThreads(tasksKept) })
}

// occupyThreads has so many threads in a system call at one time.
func occupyThreads(n int) {
	wait, release, done, err := blocking()
	if err != nil {
		return // there will be as many as are needed now
	}
	var begun atomic.Int32
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			begun.Add(1)
			wait()
		})
	}
	for begun.Load() < int32(n) {
		goruntime.Gosched()
	}
	release()
	all.Wait()
	done()
}
