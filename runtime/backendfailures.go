package runtime

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// failureEvery is how often one kind of failure of one backend is logged, and how
// often it makes an event.
const (
	failureLoggedEvery = 10 * time.Second
	failureToldEvery   = time.Minute
)

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

// toldFailures are what was made an event of a backend.
type toldFailures struct {
	at   map[pool.Kind]time.Time // of the last event of each kind
	last time.Time               // of the last failure that was looked at
}

// tellFailure makes an event of the last failure of a backend, unless one of its
// kind was told a moment ago. That a backend is down is told anyway.
func (a *App) tellFailure(backend string, f pool.Failure, down bool) {
	told := a.backendFailures[backend]
	if f.Kind == pool.KindNone || f.Kind == pool.KindStatus || !f.At.After(told.last) || f.At.Before(a.started) {
		return
	}
	now := time.Now()
	if told.last = f.At; !down && now.Sub(told.at[f.Kind]) >= failureToldEvery {
		a.events.Warnf("", "backend %s failed: %s", backend, f.Kind.Text())
		if told.at == nil {
			told.at = map[pool.Kind]time.Time{}
		}
		told.at[f.Kind] = now
	}
	a.backendFailures[backend] = told
}

// lastError is the failure as it is shown; nil if there was none.
func lastError(f pool.Failure) *control.BackendError {
	if f.Kind == pool.KindNone {
		return nil
	}
	return &control.BackendError{Kind: f.Kind.String(), Message: f.Kind.Text(), At: f.At}
}

// because says why a backend cannot be reached, "" if that is not known.
func because(f pool.Failure) string {
	if f.Kind == pool.KindNone || f.Kind == pool.KindStatus {
		return ""
	}
	return fmt.Sprintf(": %s", f.Kind.Text())
}
