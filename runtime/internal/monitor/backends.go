package monitor

import (
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// failureToldEvery is how often one kind of failure of one backend makes an event.
const failureToldEvery = time.Minute

// backends is what the sampler last saw of each, by "pool/backend"; they are its
// alone.
type backends struct {
	states   map[string]string
	failures map[string]toldFailures
}

// toldFailures are what was made an event of a backend.
type toldFailures struct {
	at   map[pool.Kind]time.Time // of the last event of each kind
	last time.Time               // of the last failure that was looked at
}

// watchBackends makes an event of each backend that goes down, comes back or fails
// in another way than before.
func (m *Monitor) watchBackends(now time.Time) {
	for backend, t := range m.Backends() {
		was, is := m.backends.states[backend], t.State()
		m.backends.states[backend] = is
		switch {
		case is == control.BackendDown && was != is:
			if why := t.Last(); why.Kind == pool.KindNone || why.Kind == pool.KindStatus {
				m.Events.Warn("", message.BackendWentDown, backend)
			} else {
				m.Events.Warn("", message.BackendDownBy, backend, why.Kind.Text())
			}
		case is == control.BackendUp && was == control.BackendDown:
			m.Events.Info("", message.BackendUpAgain, backend)
		}
		if f := t.Last(); !f.At.Before(m.started) && m.backends.tells(backend, f, is == control.BackendDown, now) {
			m.Events.Warn("", message.BackendFailed, backend, f.Kind.Text())
		}
	}
}

// tells reports whether the last failure of a backend makes an event, unless one of
// its kind was told a moment ago. That a backend is down is told anyway.
func (b *backends) tells(backend string, f pool.Failure, down bool, now time.Time) bool {
	told := b.failures[backend]
	if f.Kind == pool.KindNone || f.Kind == pool.KindStatus || !f.At.After(told.last) {
		return false
	}
	told.last = f.At
	due := !down && now.Sub(told.at[f.Kind]) >= failureToldEvery
	if due {
		if told.at == nil {
			told.at = map[pool.Kind]time.Time{}
		}
		told.at[f.Kind] = now
	}
	b.failures[backend] = told
	return due
}

// lastError is the failure as it is shown; nil if there was none.
func lastError(f pool.Failure) *control.BackendError {
	if f.Kind == pool.KindNone {
		return nil
	}
	return &control.BackendError{Kind: f.Kind.String(), Message: f.Kind.Text(), At: f.At}
}
