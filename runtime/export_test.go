package runtime

import "time"

// SetFailpoint has f called with the name of each step that a crash may come between.
func SetFailpoint(f func(step string)) { failpoint = f }

// SetChangeWait sets how long a change waits for the one before it, for Apps that are
// opened until back is called.
func SetChangeWait(d time.Duration) (back func()) {
	was := changeWait
	changeWait = d
	return func() { changeWait = was }
}
