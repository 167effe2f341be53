package runtime

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/internal/change"
)

// SetFailpoint has f called with the name of each step that a crash may come between.
func SetFailpoint(f func(step string)) { change.Failpoint = f }

// SetChangeWait sets how long a change waits for the one before it, until back
// is called.
func SetChangeWait(d time.Duration) (back func()) {
	was := change.ChangeWait
	change.ChangeWait = d
	return func() { change.ChangeWait = was }
}
