package controltest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
)

// configOf is the config that would lead to a state. What no config accepts is
// left out: scenes have listeners with names that no config has.
func configOf(s *control.Snapshot) *config.Config {
	c := configWith(map[string]config.Listener{}, map[string]config.Pool{})
	for i := range s.Listeners {
		c.Listeners[s.Listeners[i].Name] = listenerConfig(&s.Listeners[i])
	}
	for _, p := range s.Pools {
		c.Pools[p.Name] = poolConfig(p)
	}
	if valid, err := config.Parse(s.Config.Path, c.YAML()); err == nil {
		return valid
	}
	for name, l := range c.Listeners {
		if !accepted(configWith(map[string]config.Listener{name: l}, nil)) {
			delete(c.Listeners, name)
		}
	}
	for name, p := range c.Pools {
		if !accepted(configWith(nil, map[string]config.Pool{name: p})) {
			delete(c.Pools, name)
		}
	}
	valid, err := config.Parse(s.Config.Path, c.YAML())
	if err != nil {
		return config.New() // not of parts that are wrong together
	}
	return valid
}

// configWith is a config that was made from no document.
func configWith(listeners map[string]config.Listener, pools map[string]config.Pool) *config.Config {
	return &config.Config{Version: model.Version, Reload: model.Reload, Defaults: model.Defaults, Listeners: listeners, Pools: pools}
}

func accepted(c *config.Config) bool {
	_, err := config.Parse("", c.YAML())
	return err == nil
}

// model is a config of which listeners and pools take what a state does not show.
var model = func() *config.Config {
	c, err := config.Parse("model", []byte(`
version: 1
listeners: {model: {address: ":80", routes: [{match: /, respond: {status: 200}}]}}
pools: {model: {backends: {model: {url: "http://127.0.0.1:80"}}}}
`))
	if err != nil {
		panic(err)
	}
	return c
}()

func listenerConfig(l *control.ListenerInfo) config.Listener {
	c := model.Listeners["model"]
	c.Protocol, c.Address, c.Enabled = cmp.Or(l.Protocol, c.Protocol), l.Address, l.Enabled
	c.H2C = c.Protocol == "http2"
	if c.Protocol == config.ProtocolQUIC {
		c.TLS = &config.TLS{CertFile: "cert.pem", KeyFile: "key.pem"}
	}
	if l.Prefork {
		c.Prefork.Workers = l.WorkersWanted
	}
	for text, d := range timeouts(&l.Timeouts, &c.Timeouts) {
		if known, err := time.ParseDuration(*text); err == nil {
			*d = config.Duration(known)
		}
	}
	c.Limits.MaxConnections, c.Limits.AcceptRate = l.Limits.MaxConnections, l.Limits.AcceptRate
	c.Limits.MaxHeaderBytes, c.Limits.MaxRequestBytes = config.Size(l.Limits.MaxHeaderBytes), config.Size(l.Limits.MaxRequestBytes)
	return c
}

// timeouts pairs what a snapshot shows with what a config says.
func timeouts(shown *control.Timeouts, said *config.Timeouts) map[*string]*config.Duration {
	return map[*string]*config.Duration{
		&shown.Read: &said.Read, &shown.ReadHeader: &said.ReadHeader, &shown.Write: &said.Write, &shown.Request: &said.Request,
		&shown.Response: &said.Response, &shown.Idle: &said.Idle, &shown.Shutdown: &said.Shutdown,
	}
}

func poolConfig(p control.PoolInfo) config.Pool {
	c := model.Pools["model"]
	c.Balance, c.Backends = cmp.Or(p.Balance, c.Balance), map[string]config.Backend{}
	for _, b := range p.Backends {
		c.Backends[b.Name] = config.Backend{URL: b.URL, Weight: max(1, b.Weight)}
	}
	return c
}

// show makes a state of what a config says instead of what another said: at once,
// nothing has to drain.
func show(s *control.Snapshot, from, to *config.Config) {
	s.Listeners = slices.DeleteFunc(s.Listeners, func(l control.ListenerInfo) bool { return isRemoved(l.Name, from.Listeners, to.Listeners) })
	for _, name := range slices.Sorted(maps.Keys(to.Listeners)) {
		will := to.Listeners[name]
		l := find(s, name)
		if l == nil {
			s.Listeners = append(s.Listeners, listener(s, name, will.Address, will.Prefork.Workers))
			slices.SortFunc(s.Listeners, func(a, b control.ListenerInfo) int { return cmp.Compare(a.Name, b.Name) })
			l = find(s, name)
		}
		showListener(s, l, from.Listeners[name], will)
	}
	showPools(s, from, to)
}

// isRemoved reports whether what one config has is missing from another.
func isRemoved[T any](name string, from, to map[string]T) bool {
	_, had := from[name]
	_, has := to[name]
	return had && !has
}

func showListener(s *control.Snapshot, l *control.ListenerInfo, was, will config.Listener) {
	for text, d := range timeouts(&l.Timeouts, &will.Timeouts) {
		*text = d.String()
	}
	l.Limits = control.Limits{MaxConnections: will.Limits.MaxConnections, AcceptRate: will.Limits.AcceptRate,
		MaxHeaderBytes: int64(will.Limits.MaxHeaderBytes), MaxRequestBytes: int64(will.Limits.MaxRequestBytes),
		MinRate: control.MinRate{Rate: int64(will.Limits.MinRate.Rate), Grace: will.Limits.MinRate.Grace.String()}}
	l.Protocol = will.Protocol
	if was.Address != will.Address {
		l.Address = will.Address
	}
	if was.Prefork.Workers != will.Prefork.Workers {
		setWorkers(s, l, will.Prefork.Workers)
	}
	switch {
	case was.Enabled && !will.Enabled:
		stop(l)
	case !was.Enabled && will.Enabled:
		l.Enabled, l.State, l.Reason = true, control.StateServing, ""
		resize(s, l)
	}
}

func showPools(s *control.Snapshot, from, to *config.Config) {
	s.Pools = slices.DeleteFunc(s.Pools, func(p control.PoolInfo) bool { return isRemoved(p.Name, from.Pools, to.Pools) })
	for _, name := range slices.Sorted(maps.Keys(to.Pools)) {
		i := slices.IndexFunc(s.Pools, func(p control.PoolInfo) bool { return p.Name == name })
		if i < 0 {
			i, s.Pools = len(s.Pools), append(s.Pools, control.PoolInfo{Name: name})
		}
		p, was := &s.Pools[i], slices.Clone(s.Pools[i].Backends)
		p.Balance, p.Backends = to.Pools[name].Balance, []control.BackendInfo{}
		for _, backend := range slices.Sorted(maps.Keys(to.Pools[name].Backends)) {
			b := control.BackendInfo{Name: backend, State: control.BackendUnknown}
			if i := slices.IndexFunc(was, func(b control.BackendInfo) bool { return b.Name == backend }); i >= 0 {
				b = was[i]
			}
			b.URL, b.Weight = to.Pools[name].Backends[backend].URL, to.Pools[name].Backends[backend].Weight
			p.Backends = append(p.Backends, b)
		}
	}
	slices.SortFunc(s.Pools, func(a, b control.PoolInfo) int { return cmp.Compare(a.Name, b.Name) })
}

func stop(l *control.ListenerInfo) {
	l.Enabled, l.State, l.Reason = false, control.StateStopped, ""
	l.Workers = []control.WorkerInfo{}
	recount(l)
}

// setWorkers has a listener served by so many workers, by the master if there are none.
func setWorkers(s *control.Snapshot, l *control.ListenerInfo, n int) {
	if prefork := n > 0; prefork != l.Prefork {
		l.Prefork, l.Workers = prefork, nil
	}
	l.WorkersWanted = max(1, n)
	resize(s, l)
}

// resize makes an enabled listener have as many workers as it wants.
func resize(s *control.Snapshot, l *control.ListenerInfo) {
	if !l.Enabled {
		return
	}
	l.Workers = slices.DeleteFunc(l.Workers, func(w control.WorkerInfo) bool { return w.ID >= l.WorkersWanted })
	for id := range l.WorkersWanted {
		if slices.ContainsFunc(l.Workers, func(w control.WorkerInfo) bool { return w.ID == id }) {
			continue
		}
		pid := s.PID
		if l.Prefork {
			pid = nextPID(s)
		}
		l.Workers = append(l.Workers, control.WorkerInfo{ID: id, PID: pid, State: control.WorkerReady, StartedAt: s.Time})
	}
	recount(l)
}

func nextPID(s *control.Snapshot) int {
	pid := s.PID
	for _, l := range s.Listeners {
		for _, w := range l.Workers {
			pid = max(pid, w.PID)
		}
	}
	return pid + 1
}

// recount makes the listener's gauges agree with its workers.
func recount(l *control.ListenerInfo) {
	l.WorkersReady, l.Connections.Active, l.Connections.Idle = 0, 0, 0
	for _, w := range l.Workers {
		if w.State == control.WorkerReady {
			l.WorkersReady++
		}
		l.Connections.Active += w.Connections.Active
		l.Connections.Idle += w.Connections.Idle
	}
}

func find(s *control.Snapshot, name string) *control.ListenerInfo {
	for i := range s.Listeners {
		if s.Listeners[i].Name == name {
			return &s.Listeners[i]
		}
	}
	return nil
}

// planOf plans a change by the rules of the runtime.
func planOf(s *control.Snapshot, from, to *config.Config) *control.Plan {
	v := plan.View{Generation: s.Generation, Config: from, Now: s.Time,
		Running: map[string]plan.Running{}, Failed: map[string]bool{}, Backends: map[string]plan.Load{}}
	for _, l := range s.Listeners {
		c, known := from.Listeners[l.Name]
		switch {
		case l.State == control.StateFailed:
			v.Failed[l.Name] = true
		case known && c.Enabled:
			v.Running[l.Name] = plan.Running{Listener: c, Processes: processes(l)}
		}
	}
	for _, p := range s.Pools {
		for _, b := range p.Backends {
			v.Backends[p.Name+"/"+b.Name] = plan.Load{Active: int(b.Connections.Active), Idle: int(b.Connections.Idle)}
		}
	}
	steps := plan.Steps(v, to)
	for i := range steps {
		if steps[i].AsksConnections() {
			steps[i].Seen.Connections = invent(s, control.Query{Listener: steps[i].Name})
		}
	}
	p := plan.Of(v, to, steps)
	p.Needs = plan.Needs(p.Listeners)
	p.Needs.MemoryBytes = 24 << 20 * uint64(p.Needs.Processes)
	return p
}

// processes of a listener that do not drain.
func processes(l control.ListenerInfo) (out []plan.Process) {
	for _, w := range l.Workers {
		if w.State != control.WorkerDraining {
			load := plan.Load{Active: int(w.Connections.Active), Idle: int(w.Connections.Idle)}
			out = append(out, plan.Process{ID: w.ID, PID: w.PID, Load: load})
		}
	}
	return out
}

// counts of a state, for the guard of a trial.
func counts(s *control.Snapshot) map[string]ledger.Counts {
	out := map[string]ledger.Counts{}
	for _, l := range s.Listeners {
		out[l.Name] = ledger.Counts{Requests: l.Requests, Errors: l.Errors, Refused: l.Connections.Refused}
	}
	return out
}
