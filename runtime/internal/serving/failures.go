package serving

import (
	"log/slog"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

// failureLoggedEvery is how often one kind of failure of one backend is logged.
const failureLoggedEvery = 10 * time.Second

// failureLog logs why backends failed, in the process that met it.
type failureLog struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[failureKey]loggedFailure
}

type failureKey struct {
	pool, backend string
	kind          pool.Kind
}

type loggedFailure struct {
	at   time.Time
	more int // since then
}

// of gives what pool name calls at each failure. An answer with a status of 500
// and above has told its client itself what is wrong.
func (l *failureLog) of(name string) func(backend string, kind pool.Kind, err error) {
	return func(backend string, kind pool.Kind, err error) {
		if kind == pool.KindStatus {
			return
		}
		if more, ok := l.due(failureKey{name, backend, kind}, time.Now()); ok {
			l.log.Warn("backend failed", "pool", name, "backend", backend, "kind", kind.String(), "error", err, "more_before", more)
		}
	}
}

// due reports whether the failure is to be logged, and how many like it were not.
func (l *failureLog) due(key failureKey, now time.Time) (more int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, seen := l.last[key]
	if seen && now.Sub(before.at) < failureLoggedEvery {
		before.more++
		l.last[key] = before
		return 0, false
	}
	if l.last == nil {
		l.last = map[failureKey]loggedFailure{}
	}
	l.last[key] = loggedFailure{at: now}
	return before.more, true
}
