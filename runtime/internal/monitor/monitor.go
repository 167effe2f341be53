// Package monitor looks: it samples all counters once a second, and describes the
// present whenever somebody asks.
//
// A [Monitor] changes nothing. What should run it is told by a function, what does
// run it reads from the set of endpoints and the scoreboards, and what processes cost
// it asks the system only for those who look. Of this [Monitor.Snapshot] makes one
// [control.Snapshot], with the problems in it.
//
// [Monitor.Run] is the one goroutine that samples. It keeps for each listener, by
// name, a ring of the last hour ([Monitor.Points], for those who follow it), and of the last
// seconds what latencies are computed from; a listener that is removed takes its past
// along when it has drained. It also tells what nothing else does: a backend that goes
// down, fails in another way or comes back, and problems that begin and end.
package monitor

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/procstat"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// sampleInterval is how often counters are sampled: a point of a ring is a second.
const sampleInterval = time.Second

// Config of a monitor.
type Config struct {
	// Version of the program.
	Version string
	// Endpoints are watched, Cells have what backends count.
	Endpoints *endpoints.Set
	Cells     *scoreboard.Cells
	// Certificates in use.
	Certificates *certs.Store
	// Events get what nothing else tells, and are shown.
	Events *events.Journal
	// Desired is what should run at the moment. It is called by who looks, and must
	// not wait for anything slow.
	Desired func() Desired
	// Facts are about what the monitor does not see: the state directory, the log,
	// the orphan directory.
	Facts func() problems.Facts
}

// Desired is what should run, and how that came about.
type Desired struct {
	Generation uint64
	Config     *config.Config
	// Status of the config and its file.
	Status control.ConfigStatus
	// Upgrade under way, or the last one; nil if there was none.
	Upgrade *control.Upgrade
}

// Monitor describes a runtime.
type Monitor struct {
	Config
	host     string
	started  time.Time // of the runtime; constant once Run was called
	usage    *procstat.Meter
	pasts    pasts
	backends backends

	// mu guards known, the problems seen by anybody since the sampler last looked,
	// or by itself. told are those of when it last looked, whose alone they are.
	mu          sync.Mutex
	known, told []control.Problem
}

// New returns a monitor of a runtime that is started now.
func New(c Config) *Monitor {
	host, _ := os.Hostname() // empty where the system does not say
	return &Monitor{
		Config: c, host: host, started: time.Now(), usage: procstat.NewMeter(),
		backends: backends{states: map[string]string{}, failures: map[string]toldFailures{}},
	}
}

// Started is when the runtime was started, by the first program of it.
func (m *Monitor) Started() time.Time { return m.started }

// Resume goes on in another program with a runtime that was started before. It is
// called before anybody looks.
func (m *Monitor) Resume(started time.Time) { m.started = started }

// Run samples once a second, at once first, until the context ends.
func (m *Monitor) Run(ctx context.Context) {
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	for {
		m.sample()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *Monitor) sample() {
	now := time.Now()
	for _, l := range m.Endpoints.All() {
		m.pasts.add(l.Name(), l.Totals(), now)
	}
	m.watchBackends(now)
	m.watchProblems()
	m.Endpoints.Maintain()
	m.pasts.forget(m.Endpoints.Has)
	m.usage.Forget()
}

// Backends are what all processes together count of each backend, by "pool/backend".
func (m *Monitor) Backends() map[string]scoreboard.BackendTotals {
	return m.Cells.Sum(func(f func(*scoreboard.Board)) {
		m.Endpoints.Each(func(_ *endpoints.Listener, _ prefork.Status, b *scoreboard.Board) { f(b) })
	})
}
