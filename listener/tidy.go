package listener

import (
	goruntime "runtime"
	"runtime/debug"
	"time"
)

const (
	// tidyFrom is how many connections must have been parked to make it worth
	// while: some 20 KiB each.
	tidyFrom  = 512
	tidyEvery = 5 * time.Second
)

// tidier gives back to the system what parked connections have let go of. The
// collector runs by allocation, and a server whose connections all rest
// allocates nothing: without this it would keep their buffers for minutes. Its
// fields belong to the sweeper's goroutine.
type tidier struct {
	parked  int // since it was last tidied
	earlier int // what parked was at the last look
	last    int64
}

// look is called after each look of the sweeper. It waits until the wave of
// connections to park has ebbed.
func (t *tidier) look(now int64) {
	ebbed := t.parked-t.earlier <= t.parked/8
	t.earlier = t.parked
	if t.parked < tidyFrom || !ebbed || t.last != 0 && now-t.last < int64(tidyEvery) {
		return
	}
	*t = tidier{last: now}
	go tidy()
}

// tidy collects twice, because a sync.Pool keeps what it holds for a second
// cycle.
func tidy() {
	goruntime.GC()
	debug.FreeOSMemory()
}
