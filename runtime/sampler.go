package runtime

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v3/process"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

const (
	sampleInterval = time.Second
	// latencyWindow is how many samples back the latency percentiles reach.
	latencyWindow = 10
)

// sampler looks at all counters once a second. It feeds the histories, tells
// workers what their siblings count, and knows what processes cost.
type sampler struct {
	app *App

	mu    sync.Mutex
	procs map[int]*process.Process
	usage map[int]usage // by pid
}

// usage is what a process costs.
type usage struct {
	cpuSeconds float64
	memory     uint64
}

func newSampler(a *App) *sampler {
	return &sampler{app: a, procs: map[int]*process.Process{}, usage: map[int]usage{}}
}

func (s *sampler) run(ctx context.Context) {
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	for {
		s.sample()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *sampler) sample() {
	pids := map[int]bool{os.Getpid(): true}
	for _, m := range s.app.sortedListeners() {
		m.sample()
		for _, e := range m.endpoints() {
			e.each(func(w prefork.Status, _ *board) { pids[w.PID] = true })
		}
	}
	delete(pids, 0)
	s.measure(pids)
	s.app.announce()
	s.app.forgetDrained()
}

// measure reads the costs of these processes, and forgets all others.
func (s *sampler) measure(pids map[int]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for pid := range s.procs {
		if !pids[pid] {
			delete(s.procs, pid)
			delete(s.usage, pid)
		}
	}
	for pid := range pids {
		if u, ok := s.read(pid); ok {
			s.usage[pid] = u
		}
	}
}

// read asks the system; a process that has just ended is not an error.
func (s *sampler) read(pid int) (usage, bool) {
	p := s.procs[pid]
	if p == nil {
		var err error
		if p, err = process.NewProcess(int32(pid)); err != nil {
			return usage{}, false
		}
		s.procs[pid] = p
	}
	times, err := p.Times()
	if err != nil {
		return usage{}, false
	}
	memory, err := p.MemoryInfo()
	if err != nil {
		return usage{}, false
	}
	return usage{cpuSeconds: times.User + times.System, memory: memory.RSS}, true
}

func (s *sampler) of(pid int) usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usage[pid]
}

// forgetDrained drops listeners that are no longer configured, once they have drained.
func (a *App) forgetDrained() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, m := range a.listeners {
		if _, configured := a.config.Listeners[name]; !configured && m.idle() {
			delete(a.listeners, name)
		}
	}
}

// sample adds a second to the listener's past and tells each worker what its
// siblings count.
func (m *managed) sample() {
	t := m.totals()
	for _, e := range m.endpoints() {
		e.each(func(_ prefork.Status, b *board) {
			own := b.listener.Load()
			b.others.active.Store(t.Active - min(own.Active, t.Active))
			b.others.idle.Store(t.Idle - min(own.Idle, t.Idle))
			b.others.total.Store(t.Accepted - min(own.Accepted, t.Accepted))
			b.others.requests.Store(t.Requests - min(own.Requests, t.Requests))
			b.others.errors.Store(t.Errors - min(own.Errors, t.Errors))
			b.others.refused.Store(t.Refused - min(own.Refused, t.Refused))
			b.others.timedOut.Store(t.TimedOut - min(own.TimedOut, t.TimedOut))
			b.others.bytesIn.Store(t.BytesIn - min(own.BytesIn, t.BytesIn))
			b.others.bytesOut.Store(t.BytesOut - min(own.BytesOut, t.BytesOut))
		})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	last := t
	if n := len(m.recent); n > 0 {
		last = m.recent[n-1]
	}
	m.history.push(control.Point{
		Requests:    uint32(t.Requests - last.Requests),
		Errors:      uint32(t.Errors - last.Errors),
		Connections: uint32(t.Active + t.Idle),
	})
	if len(m.recent) > latencyWindow {
		m.recent = append(m.recent[:0], m.recent[1:]...)
	}
	m.recent = append(m.recent, t)
}

// latency percentiles of the last ten seconds.
func (m *managed) latency(now listener.Totals) control.Latency {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.recent) == 0 {
		return control.Latency{}
	}
	window := now.Sub(m.recent[0])
	return control.Latency{
		P50: milliseconds(window.Percentile(50)),
		P99: milliseconds(window.Percentile(99)),
	}
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
