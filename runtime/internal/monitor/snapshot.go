package monitor

import (
	"maps"
	"os"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// Snapshot of the present, as a watcher with these options gets it.
func (m *Monitor) Snapshot(o control.WatchOptions) *control.Snapshot {
	s := m.present(o)
	m.measure(s, o)
	s.Events = m.Events.Newest()
	return s
}

// present is a snapshot without what only those need who look at it.
func (m *Monitor) present(o control.WatchOptions) *control.Snapshot {
	want := m.Desired()
	s := &control.Snapshot{
		Time: time.Now(), Version: m.Version, Host: m.host, PID: os.Getpid(),
		StartedAt: m.started, Generation: want.Generation, Role: "admin",
		Config: want.Status, Upgrade: want.Upgrade,
		Listeners: []control.ListenerInfo{},
	}
	var all []endpoints.Status
	for _, l := range m.Endpoints.All() {
		seconds := 0
		if o.Looks("listeners." + l.Name()) {
			seconds = o.History
		}
		status := l.Status()
		status.Config = configured(want.Config, status)
		all = append(all, status)
		s.Listeners = append(s.Listeners, m.listenerInfo(status, seconds))
	}
	s.Pools = poolInfos(want.Config, m.Backends())
	s.Receipts = m.Endpoints.Receipts()
	s.Problems = m.problems(s, all)
	return s
}

// measure asks the system what processes cost, so not while counters are held still.
func (m *Monitor) measure(s *control.Snapshot, o control.WatchOptions) {
	for i := range s.Listeners {
		if !o.Looks("listeners." + s.Listeners[i].Name) {
			continue
		}
		for j := range s.Listeners[i].Workers {
			w := &s.Listeners[i].Workers[j]
			w.CPUSeconds, w.MemoryBytes = m.usage.Of(w.PID)
		}
	}
}

// configured is what the config says of a listener, so that a snapshot is of one
// state of the config throughout.
func configured(cfg *config.Config, l endpoints.Status) config.Listener {
	c, has := cfg.Listeners[l.Name]
	if !has {
		c = l.Config
		c.Enabled = false
	}
	return c
}

func (m *Monitor) listenerInfo(l endpoints.Status, seconds int) control.ListenerInfo {
	t := l.Totals
	info := control.ListenerInfo{
		Name: l.Name, Requests: t.Requests, Errors: t.Errors(), Failures: control.Failures(t.Failures),
		BytesIn: t.BytesIn, BytesOut: t.BytesOut,
		Connections: control.ConnectionCounts{
			Active: t.Active, Idle: t.Idle, Total: t.Accepted,
			Refused: t.Refused, TimedOut: t.TimedOut,
		},
		Latency: m.pasts.latency(l.Name, t),
		History: m.pasts.last(l.Name, seconds),
		Workers: []control.WorkerInfo{},
	}
	describe(&info, l.Config)
	for _, p := range l.Processes {
		info.Workers = append(info.Workers, m.workerInfo(p))
	}
	slices.SortStableFunc(info.Workers, func(x, y control.WorkerInfo) int { return x.ID - y.ID })
	if l.Addr != nil {
		info.Address = l.Addr.String()
		info.Steering, info.SteeringReason, info.Rolling = l.Steering, l.SteeringReason, l.Rolling
	}
	info.WorkersReady = l.Ready
	info.State, info.Reason = stateOf(l)
	if info.State == control.StateServing {
		info.Reason = m.Certificates.Problem(l.Config.TLS)
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

func (m *Monitor) workerInfo(p endpoints.Process) control.WorkerInfo {
	w, t := p.Status, p.Totals
	info := control.WorkerInfo{
		ID: w.ID, PID: w.PID, State: string(w.State), StartedAt: w.Started,
		Restarts: w.Restarts, LastExit: w.LastExit, LastOutput: w.LastOutput, Crashes: w.Crashes,
		Connections: control.WorkerCounts{Active: t.Active, Idle: t.Idle, Total: t.Accepted},
		Requests:    t.Requests, Errors: t.Errors(), Failures: control.Failures(t.Failures),
	}
	if p.Master {
		info.PID, info.StartedAt = os.Getpid(), m.started
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
func poolInfos(cfg *config.Config, counts map[string]scoreboard.BackendTotals) []control.PoolInfo {
	out := []control.PoolInfo{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Pools)) {
		c := cfg.Pools[name]
		info := control.PoolInfo{Name: name, Balance: c.Balance, Backends: []control.BackendInfo{}}
		for _, backend := range slices.Sorted(maps.Keys(c.Backends)) {
			t := counts[name+"/"+backend]
			b := c.Backends[backend]
			info.Backends = append(info.Backends, control.BackendInfo{
				Name: backend, URL: b.URL, Weight: b.Weight, State: t.State(), DownIn: t.DownIn,
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
