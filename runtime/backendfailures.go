package runtime

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// failureToldEvery is how often one kind of failure of one backend makes an event.
const failureToldEvery = time.Minute

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
