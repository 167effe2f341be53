package controltest

import (
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Step lets one second pass: the clock moves, counters of listeners that had
// traffic in their history grow, always in the same way, what drains has fewer
// connections, what is on trial or expires is rolled back in its time, and watchers
// see it.
func (f *Fake) Step() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps++
	s := clone(f.now)
	s.Time = s.Time.Add(time.Second)
	total := 0
	for i := range s.Listeners {
		total += stepListener(&s.Listeners[i], f.rates[s.Listeners[i].Name], f.steps)
	}
	for i := range s.Pools {
		stepPool(&s.Pools[i], uint64(total)/4)
	}
	f.now, f.clock = s, s.Time
	f.timesUp()
	f.notify()
}

func stepListener(l *control.ListenerInfo, rate, step int) int {
	done := 0
	if l.WorkersReady > 0 {
		done = wave(rate, step)
	}
	share := uint64(done) / uint64(max(1, l.WorkersReady))
	served := uint64(0)
	for i := range l.Workers {
		served += stepWorker(&l.Workers[i], share)
	}
	l.Workers = slices.DeleteFunc(l.Workers, func(w control.WorkerInfo) bool {
		return w.State == control.WorkerDraining && w.Connections == control.WorkerCounts{Total: w.Connections.Total}
	})
	l.Requests += served
	l.BytesIn += 180 * served
	l.BytesOut += 420 * served
	l.Connections.Total += served / 50
	recount(l)
	if l.State == control.StateDraining && l.Connections.Active+l.Connections.Idle == 0 {
		stop(l)
	}
	open := uint32(l.Connections.Active + l.Connections.Idle)
	l.History = append(l.History, control.Point{Requests: uint32(served), Connections: open})
	l.History = l.History[max(0, len(l.History)-3600):]
	return int(served)
}

func stepWorker(w *control.WorkerInfo, share uint64) uint64 {
	switch w.State {
	case control.WorkerReady:
		w.Requests += share
		w.Connections.Total += share / 50
		w.CPUSeconds += float64(share) / 65536
		return share
	case control.WorkerDraining:
		w.Connections.Active /= 2
		w.Connections.Idle = 0
	}
	return 0
}

func stepPool(p *control.PoolInfo, requests uint64) {
	up := uint64(0)
	for _, b := range p.Backends {
		if b.State == control.BackendUp {
			up++
		}
	}
	for i := range p.Backends {
		if b := &p.Backends[i]; b.State == control.BackendUp {
			b.Requests += requests / up
		}
	}
}

// ratesOf takes each listener's requests per second from the last minute of its history.
func ratesOf(s *control.Snapshot) map[string]int {
	rates := map[string]int{}
	for _, l := range s.Listeners {
		last := l.History[max(0, len(l.History)-60):]
		sum := 0
		for _, p := range last {
			sum += int(p.Requests)
		}
		rates[l.Name] = sum / max(1, len(last))
	}
	return rates
}

// wave lets a rate swing by a third, with some roughness, always the same.
func wave(rate, second int) int {
	const period = 40
	phase := second % period
	swing := min(phase, period-phase)*2 - period/2 // -20…20
	rough := (second*7919)%11 - 5                  // -5…5
	return max(0, rate+rate*(swing+rough)/75)
}
