package runtime

import (
	"os"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// snapshot of the present state, as a watcher with these options gets it.
func (a *App) snapshot(o control.WatchOptions) *control.Snapshot {
	s := a.present(o)
	a.measure(s, o)
	s.Events = a.events.Newest()
	return s
}

// present is a snapshot without what only those need who look at it.
func (a *App) present(o control.WatchOptions) *control.Snapshot {
	a.mu.RLock()
	s := &control.Snapshot{
		Time: time.Now(), Version: a.version, Host: a.host, PID: os.Getpid(),
		StartedAt: a.started, Revision: a.revision, Role: "admin",
		Config: a.configStatus(), Upgrade: a.upgrade,
	}
	cfg := a.config
	a.mu.RUnlock()
	s.Listeners = []control.ListenerInfo{}
	for _, m := range a.endpoints.All() {
		seconds := 0
		if o.Looks("listeners." + m.Name()) {
			seconds = o.History
		}
		s.Listeners = append(s.Listeners, a.listenerInfo(m.Status(), seconds))
	}
	s.Pools = a.poolInfos(cfg)
	s.Receipts = a.endpoints.Receipts()
	s.Problems = a.problems(s)
	return s
}

// measure asks the system what processes cost, so not while counters are held still.
func (a *App) measure(s *control.Snapshot, o control.WatchOptions) {
	for i := range s.Listeners {
		if !o.Looks("listeners." + s.Listeners[i].Name) {
			continue
		}
		for j := range s.Listeners[i].Workers {
			w := &s.Listeners[i].Workers[j]
			w.CPUSeconds, w.MemoryBytes = a.usage.Of(w.PID)
		}
	}
}

// configStatus tells how what runs relates to the file. Callers hold mu.
func (a *App) configStatus() control.ConfigStatus {
	status := a.status
	status.Edits = a.edits
	for _, e := range a.edits {
		status.Overrides = append(status.Overrides, e.Path)
	}
	status.Generation = a.generations.current()
	if a.trial != nil {
		status.Trial = &a.trial.Trial // never changed, only replaced
	}
	if a.held != nil {
		status.Held = &a.held.Held
	}
	if status.State == control.ConfigInSync && len(status.Overrides) > 0 {
		status.State = control.ConfigOverridden
	}
	return status
}

func (a *App) listenerInfo(l endpoints.Status, seconds int) control.ListenerInfo {
	t := l.Totals
	info := control.ListenerInfo{
		Name: l.Name, Requests: t.Requests, Errors: t.Errors(), Failures: control.Failures(t.Failures),
		BytesIn: t.BytesIn, BytesOut: t.BytesOut,
		Connections: control.ConnectionCounts{
			Active: t.Active, Idle: t.Idle, Total: t.Accepted,
			Refused: t.Refused, TimedOut: t.TimedOut,
		},
		Latency: a.pasts.latency(l.Name, t),
		History: a.pasts.last(l.Name, seconds),
		Workers: []control.WorkerInfo{},
	}
	describe(&info, l.Config)
	for _, p := range l.Processes {
		info.Workers = append(info.Workers, a.workerInfo(p))
	}
	slices.SortStableFunc(info.Workers, func(x, y control.WorkerInfo) int { return x.ID - y.ID })
	if l.Addr != nil {
		info.Address = l.Addr.String()
		info.Steering, info.SteeringReason, info.Rolling = l.Steering, l.SteeringReason, l.Rolling
	}
	info.WorkersReady = l.Ready
	info.State, info.Reason = stateOf(l)
	if info.State == control.StateServing {
		info.Reason = a.keys.Problem(l.Config.TLS)
	}
	return info
}

// describe fills in what the config says.
func describe(info *control.ListenerInfo, c config.Listener) {
	info.Protocol, info.Address, info.Enabled = c.Protocol, c.Address, c.Enabled
	info.Prefork = c.Prefork.Workers > 0
	info.WorkersWanted = max(1, c.Prefork.Workers)
	info.Timeouts = control.Timeouts{
		Read: c.Timeouts.Read.String(), ReadHeader: c.Timeouts.ReadHeader.String(),
		Write: c.Timeouts.Write.String(), Idle: c.Timeouts.Idle.String(),
		Request: c.Timeouts.Request.String(), Response: c.Timeouts.Response.String(),
		Shutdown: c.Timeouts.Shutdown.String(),
	}
	info.Limits = control.Limits{
		MaxConnections:  c.Limits.MaxConnections,
		MaxHeaderBytes:  int64(c.Limits.MaxHeaderBytes),
		MaxRequestBytes: int64(c.Limits.MaxRequestBytes),
		AcceptRate:      c.Limits.AcceptRate,
		MinRate:         control.MinRate{Rate: int64(c.Limits.MinRate.Rate), Grace: c.Limits.MinRate.Grace.String()},
	}
}

func (a *App) workerInfo(p endpoints.Process) control.WorkerInfo {
	w, t := p.Status, p.Totals
	info := control.WorkerInfo{
		ID: w.ID, PID: w.PID, State: string(w.State), StartedAt: w.Started,
		Restarts: w.Restarts, LastExit: w.LastExit, LastOutput: w.LastOutput, Crashes: w.Crashes,
		Connections: control.WorkerCounts{Active: t.Active, Idle: t.Idle, Total: t.Accepted},
		Requests:    t.Requests, Errors: t.Errors(), Failures: control.Failures(t.Failures),
	}
	if p.Master {
		info.PID, info.StartedAt = os.Getpid(), a.started
	}
	info.DrainDeadline, info.HungSince = known(w.DrainDeadline), known(w.HungSince)
	info.CrashesSince = known(w.CrashesSince)
	return info
}

// known is nil for a time that is not.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// stateOf names a listener's state and, where it is not well, why.
func stateOf(l endpoints.Status) (state, reason string) {
	switch {
	case l.Addr == nil && l.Failed != "":
		return control.StateFailed, l.Failed
	case l.Addr == nil && l.Draining:
		return control.StateDraining, ""
	case l.Addr == nil:
		return control.StateStopped, ""
	case l.Ready >= l.Wanted:
		return control.StateServing, ""
	case l.WasFull || l.Trouble != "":
		return control.StateDegraded, l.Trouble
	default:
		return control.StateStarting, ""
	}
}

// poolInfos of all configured pools, every process together.
func (a *App) poolInfos(cfg *config.Config) []control.PoolInfo {
	counts := a.backendCounts()
	out := []control.PoolInfo{}
	for _, name := range sortedKeys(cfg.Pools) {
		c := cfg.Pools[name]
		info := control.PoolInfo{Name: name, Balance: c.Balance, Backends: []control.BackendInfo{}}
		for _, backend := range sortedKeys(c.Backends) {
			t := counts[name+"/"+backend]
			b := c.Backends[backend]
			info.Backends = append(info.Backends, control.BackendInfo{
				Name: backend, URL: b.URL, Weight: b.Weight, State: t.state(), DownIn: t.downIn,
				Connections: control.BackendCounts{Active: t.Active, Idle: t.Idle()},
				Requests:    t.Requests, Errors: t.Errors, LastError: lastError(t.Last()),
			})
			info.Stats.Total += t.Open
			info.Stats.Active += t.Active
			info.Stats.Idle += t.Idle()
			info.Stats.WaitCount += t.WaitCount
			info.Stats.WaitDurationMS += t.WaitNanos / uint64(time.Millisecond)
		}
		out = append(out, info)
	}
	return out
}

// backendCounts of all processes together. Each process finds out by itself
// whether it reaches a backend.
type backendCounts struct {
	pool.Totals
	upIn, downIn int
}

func (c backendCounts) add(t pool.Totals) backendCounts {
	c.Totals = c.Totals.Add(t)
	switch t.Up {
	case pool.StateUp:
		c.upIn++
	case pool.StateDown:
		c.downIn++
	}
	return c
}

// state is what most of those say who have tried.
func (c backendCounts) state() string {
	switch {
	case c.upIn+c.downIn == 0:
		return control.BackendUnknown
	case c.downIn >= c.upIn:
		return control.BackendDown
	}
	return control.BackendUp
}

// backendCounts sums what all processes count, by "pool/backend".
func (a *App) backendCounts() map[string]backendCounts {
	cells, gone := a.cells.All()
	out := map[string]backendCounts{}
	for backend, totals := range gone {
		out[backend] = backendCounts{Totals: totals}
	}
	a.endpoints.Each(func(_ *endpoints.Listener, _ prefork.Status, b *scoreboard.Board) {
		for backend, cell := range cells {
			out[backend] = out[backend].add(b.Backend(cell))
		}
	})
	return out
}
