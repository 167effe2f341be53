package ledger

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Counts are what a guard looks at, of a listener or of several. They only grow.
type Counts struct {
	Requests, Errors, Refused, Crashes uint64
}

// guardedRequests is from how many requests on a share of errors means something.
const guardedRequests = 20

// countedSince adds up what listeners counted since from. One that the change
// has removed does not count any more.
func countedSince(from, now map[string]Counts) (sum Counts) {
	for name, n := range now {
		f := from[name]
		sum.Requests += n.Requests - min(f.Requests, n.Requests)
		sum.Errors += n.Errors - min(f.Errors, n.Errors)
		sum.Refused += n.Refused - min(f.Refused, n.Refused)
		sum.Crashes += n.Crashes - min(f.Crashes, n.Crashes)
	}
	return sum
}

// trips names what reached a threshold; empty if nothing did, or if there is no guard.
func (c Counts) trips(guard *control.Guard) string {
	switch {
	case guard == nil:
		return ""
	case guard.Crashes > 0 && c.Crashes >= uint64(guard.Crashes):
		if c.Crashes == 1 {
			return "the crash of a worker"
		}
		return fmt.Sprintf("%d crashes of workers", c.Crashes)
	case guard.Errors > 0 && c.Errors >= uint64(guard.Errors):
		return words.Count(int(c.Errors), "error")
	case guard.Refused > 0 && c.Refused >= uint64(guard.Refused):
		return words.Count(int(c.Refused), "refused connection")
	case guard.ErrorPercent > 0 && c.Requests >= guardedRequests && c.percent() >= guard.ErrorPercent:
		return fmt.Sprintf("%.3g %% errors in %s", c.percent(), words.Count(int(c.Requests), "request"))
	}
	return ""
}

func (c Counts) percent() float64 { return 100 * float64(c.Errors) / float64(c.Requests) }
