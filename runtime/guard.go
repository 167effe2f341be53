package runtime

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// guarded is what a guard counts of a listener, or of several.
type guarded struct {
	requests, errors, refused, crashes uint64
}

// guardedRequests is from how many requests on a share of errors means something.
const guardedRequests = 20

// guarded counts of all listeners, by name.
func (a *App) guarded() map[string]guarded {
	all := map[string]guarded{}
	for _, m := range a.endpoints.All() {
		t := m.Totals()
		all[m.Name()] = guarded{requests: t.Requests, errors: t.Errors(), refused: t.Refused, crashes: m.Crashes()}
	}
	return all
}

// countedSince adds up what listeners counted since from. One that the change
// has removed does not count any more.
func countedSince(from, now map[string]guarded) (sum guarded) {
	for name, n := range now {
		f := from[name]
		sum.requests += n.requests - min(f.requests, n.requests)
		sum.errors += n.errors - min(f.errors, n.errors)
		sum.refused += n.refused - min(f.refused, n.refused)
		sum.crashes += n.crashes - min(f.crashes, n.crashes)
	}
	return sum
}

// trips names what reached a threshold; empty if nothing did, or no guard looks.
func (g guarded) trips(guard *control.Guard) string {
	switch {
	case guard == nil:
		return ""
	case guard.Crashes > 0 && g.crashes >= uint64(guard.Crashes):
		if g.crashes == 1 {
			return "the crash of a worker"
		}
		return fmt.Sprintf("%d crashes of workers", g.crashes)
	case guard.Errors > 0 && g.errors >= uint64(guard.Errors):
		return words.Count(int(g.errors), "error")
	case guard.Refused > 0 && g.refused >= uint64(guard.Refused):
		return words.Count(int(g.refused), "refused connection")
	case guard.ErrorPercent > 0 && g.requests >= guardedRequests && g.percent() >= guard.ErrorPercent:
		return fmt.Sprintf("%.3g %% errors in %s", g.percent(), words.Count(int(g.requests), "request"))
	}
	return ""
}

func (g guarded) percent() float64 { return 100 * float64(g.errors) / float64(g.requests) }
