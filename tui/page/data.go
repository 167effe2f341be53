package page

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Data is what pages draw: a snapshot, and the rates that come from comparing
// it with an earlier one. Rates are per second; negative ones are not known yet.
type Data struct {
	*control.Snapshot

	// Listeners and Pools stand in the order of those of the snapshot.
	Listeners []Listener
	Pools     []Pool
	Total     Total
}

// Listener is a listener with its rates.
type Listener struct {
	*control.ListenerInfo
	Requests, Errors, In, Out float64
	Workers                   []Worker
}

// Worker is a worker with its rates.
type Worker struct {
	*control.WorkerInfo
	Requests float64
	// CPU is the share of one CPU it uses, 1 is all of it.
	CPU float64
}

// Pool is a pool with its rates.
type Pool struct {
	*control.PoolInfo
	Requests float64
	Backends []Backend
}

// Backend is a backend with its rates.
type Backend struct {
	*control.BackendInfo
	Requests float64
}

// Total is the sum over all listeners.
type Total struct {
	Active, Idle              uint64
	Requests, Errors, In, Out float64
}

// Compare makes Data of a snapshot. before is an earlier one of the same
// runtime, or nil.
func Compare(now, before *control.Snapshot) *Data {
	if before != nil && (!before.StartedAt.Equal(now.StartedAt) || before.PID != now.PID) {
		before = nil // another process: its counters began anew
	}
	since := since{}
	if before != nil {
		since.seconds = now.Time.Sub(before.Time).Seconds()
	}
	d := &Data{Snapshot: now}
	for i := range now.Listeners {
		l := &now.Listeners[i]
		d.Listeners = append(d.Listeners, since.listener(l, findListener(before, l.Name)))
		d.Total.add(&d.Listeners[i])
	}
	for i := range now.Pools {
		p := &now.Pools[i]
		d.Pools = append(d.Pools, since.pool(p, findPool(before, p.Name)))
	}
	return d
}

func (t *Total) add(l *Listener) {
	t.Active += l.Connections.Active
	t.Idle += l.Connections.Idle
	t.Requests += max(0, l.Requests)
	t.Errors += max(0, l.Errors)
	t.In += max(0, l.In)
	t.Out += max(0, l.Out)
}

// since computes rates over some seconds.
type since struct{ seconds float64 }

const unknown = -1

func (s since) rate(now, before uint64) float64 {
	if s.seconds <= 0 || now < before {
		return unknown
	}
	return float64(now-before) / s.seconds
}

func (s since) listener(now, before *control.ListenerInfo) Listener {
	l := Listener{ListenerInfo: now, Requests: unknown, Errors: unknown, In: unknown, Out: unknown}
	if before != nil {
		l.Requests, l.Errors = s.rate(now.Requests, before.Requests), s.rate(now.Errors, before.Errors)
		l.In, l.Out = s.rate(now.BytesIn, before.BytesIn), s.rate(now.BytesOut, before.BytesOut)
	} else if n := len(now.History); n > 0 {
		// The first look: the runtime has counted the last second itself.
		l.Requests, l.Errors = float64(now.History[n-1].Requests), float64(now.History[n-1].Errors)
	}
	for i := range now.Workers {
		l.Workers = append(l.Workers, s.worker(&now.Workers[i], findWorker(before, &now.Workers[i])))
	}
	return l
}

func (s since) worker(now, before *control.WorkerInfo) Worker {
	w := Worker{WorkerInfo: now, Requests: unknown, CPU: unknown}
	if before != nil && s.seconds > 0 {
		w.Requests = s.rate(now.Requests, before.Requests)
		w.CPU = max(0, now.CPUSeconds-before.CPUSeconds) / s.seconds
	}
	return w
}

func (s since) pool(now, before *control.PoolInfo) Pool {
	p := Pool{PoolInfo: now, Requests: unknown}
	for i := range now.Backends {
		b := &now.Backends[i]
		view := Backend{BackendInfo: b, Requests: unknown}
		if old := findBackend(before, b.Name); old != nil {
			view.Requests = s.rate(b.Requests, old.Requests)
			p.Requests = max(0, p.Requests) + max(0, view.Requests)
		}
		p.Backends = append(p.Backends, view)
	}
	return p
}

func findListener(s *control.Snapshot, name string) *control.ListenerInfo {
	if s == nil {
		return nil
	}
	for i := range s.Listeners {
		if s.Listeners[i].Name == name {
			return &s.Listeners[i]
		}
	}
	return nil
}

// findWorker looks for the same process: an ID passes on to successors.
func findWorker(l *control.ListenerInfo, w *control.WorkerInfo) *control.WorkerInfo {
	if l == nil || w.PID == 0 {
		return nil
	}
	for i := range l.Workers {
		if l.Workers[i].PID == w.PID {
			return &l.Workers[i]
		}
	}
	return nil
}

func findPool(s *control.Snapshot, name string) *control.PoolInfo {
	if s == nil {
		return nil
	}
	for i := range s.Pools {
		if s.Pools[i].Name == name {
			return &s.Pools[i]
		}
	}
	return nil
}

func findBackend(p *control.PoolInfo, name string) *control.BackendInfo {
	if p == nil {
		return nil
	}
	for i := range p.Backends {
		if p.Backends[i].Name == name {
			return &p.Backends[i]
		}
	}
	return nil
}

// Listener returns the one of that name, nil if there is none. It may be called
// on nil Data.
func (d *Data) Listener(name string) *Listener {
	if d == nil {
		return nil
	}
	for i := range d.Listeners {
		if d.Listeners[i].Name == name {
			return &d.Listeners[i]
		}
	}
	return nil
}

// Open is how many connections are open on all listeners.
func (d *Data) Open() uint64 { return d.Total.Active + d.Total.Idle }

// Unsettled reports whether something is starting or draining, which one wants
// to watch more closely.
func (d *Data) Unsettled() bool {
	for i := range d.Listeners {
		l := &d.Listeners[i]
		if l.State == control.StateStarting || l.State == control.StateDraining {
			return true
		}
		for _, w := range l.Workers {
			if w.State == control.WorkerStarting || w.State == control.WorkerDraining {
				return true
			}
		}
	}
	return false
}

// age of something at the time of the snapshot.
func (d *Data) age(t time.Time) time.Duration { return d.Time.Sub(t) }
