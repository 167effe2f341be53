package controltest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// sceneTime is the moment of every scene.
var sceneTime = time.Date(2026, time.March, 14, 15, 9, 26, 0, time.UTC)

var scenes = map[string]func() *control.Snapshot{
	"busy":       busy,
	"crashed":    crashed,
	"draining":   draining,
	"empty":      empty,
	"fallback":   fallback,
	"held":       held,
	"hung":       hung,
	"idle":       idle,
	"many":       many,
	"overridden": overridden,
	"refused":    refused,
	"stopped":    stopped,
	"trial":      onTrial,
}

// Scenes returns the names of all scenes, sorted.
func Scenes() []string { return slices.Sorted(maps.Keys(scenes)) }

// Scene returns a canned snapshot, a fresh one with each call and always the
// same, see [Scenes]. It panics on a name that is not among those.
func Scene(name string) *control.Snapshot {
	build, ok := scenes[name]
	if !ok {
		panic(fmt.Sprintf("controltest: no scene %q, there are %s", name, strings.Join(Scenes(), ", ")))
	}
	return build()
}

// empty is a runtime without a listener.
func empty() *control.Snapshot {
	return &control.Snapshot{
		Time: sceneTime, Version: "v0.1.0", Host: "stage", PID: 4200,
		StartedAt: sceneTime.Add(-26*time.Hour - 3*time.Minute), Generation: 7, Role: "admin",
		Config: control.ConfigStatus{Path: "/etc/rockstar-tui/config.yaml", State: control.ConfigInSync,
			LoadedAt: sceneTime.Add(-42 * time.Minute)},
		Listeners: []control.ListenerInfo{}, Pools: []control.PoolInfo{},
		Events: []control.Event{{Seq: 1, Time: sceneTime.Add(-42 * time.Minute), Level: control.LevelInfo,
			Message: "config loaded, generation 7"}},
	}
}

// idle has two listeners that serve and nobody who asks.
func idle() *control.Snapshot {
	s := empty()
	s.Listeners = []control.ListenerInfo{
		listener(s, "hello", "127.0.0.1:8081", 0),
		listener(s, "web", "127.0.0.1:8080", 4),
	}
	return s
}

// busy has traffic, a pool behind it and a few events.
func busy() *control.Snapshot {
	s := idle()
	load(s, &s.Listeners[0], 180, 12)
	load(s, &s.Listeners[1], 2400, 212)
	s.Listeners[1].Errors, s.Listeners[1].Failures = 37, control.Failures{Client: 5, Canceled: 12, Server: 2, Backend: 35}
	s.Pools = []control.PoolInfo{pool()}
	for _, m := range []string{"listener hello is serving on 127.0.0.1:8081", "listener web is serving on 127.0.0.1:8080 with 2 workers"} {
		addEvent(s, control.Event{Level: control.LevelInfo, Message: m})
	}
	addEvent(s, control.Event{Level: control.LevelInfo, Listener: "web", Actor: "alice (uid 1000)", Message: "web: resize, 2 new workers, nothing dropped"})
	addEvent(s, control.Event{Level: control.LevelWarn, Listener: "web", Message: "backend b answered 502 three times in a row"})
	spread(s.Events, sceneTime)
	return s
}

func pool() control.PoolInfo {
	return control.PoolInfo{
		Name: "api", Balance: "least_connections",
		Stats: control.PoolStats{Total: 14, Active: 5, Idle: 9, WaitCount: 23, WaitDurationMS: 412},
		Backends: []control.BackendInfo{
			{Name: "a", URL: "http://127.0.0.1:9001", Weight: 1, State: control.BackendUp,
				Connections: control.BackendCounts{Active: 2, Idle: 3}, Requests: 1_204_331, Errors: 2},
			{Name: "b", URL: "http://127.0.0.1:9002", Weight: 2, State: control.BackendUp,
				Connections: control.BackendCounts{Active: 3, Idle: 6}, Requests: 2_408_760, Errors: 35},
		},
	}
}

// crashed has a worker that was killed and waits before it is started again.
func crashed() *control.Snapshot {
	s := busy()
	l := &s.Listeners[1]
	l.State, l.Reason = control.StateDegraded, "worker 2 has crashed 3 times in a row (signal: killed), next start in 4s"
	w := &l.Workers[2]
	*w = control.WorkerInfo{ID: w.ID, State: control.WorkerBackoff, StartedAt: sceneTime.Add(-9 * time.Second),
		Restarts: 3, LastExit: "signal: killed", Requests: w.Requests, Errors: 3, Connections: control.WorkerCounts{Total: w.Connections.Total}}
	recount(l)
	id := 2
	addEvent(s, control.Event{Level: control.LevelError, Listener: "web", Worker: &id, Message: "worker 2 (pid 4213) ended: signal: killed; next start in 4s"})
	return s
}

// refused has a config file on disk that is not valid; the last good one runs.
func refused() *control.Snapshot {
	s := busy()
	s.Config.State = control.ConfigRefused
	s.Config.Error = &control.Error{Code: control.CodeInvalid, Message: "/etc/rockstar-tui/config.yaml: 2 errors", Details: []control.Detail{
		{File: s.Config.Path, Line: 18, Column: 7, Path: "listeners.web.timeouts.raed", Message: "unknown key", Hint: `did you mean "read"?`},
		{File: s.Config.Path, Line: 24, Column: 14, Path: "listeners.web.address", Message: `"80" has no port`, Hint: `write ":80"`},
	}}
	addEvent(s, control.Event{Level: control.LevelError, Message: "config refused, generation 7 keeps running: " +
		`/etc/rockstar-tui/config.yaml:18:7: listeners.web.timeouts.raed: unknown key, did you mean "read"?`})
	return s
}

// stopped has one listener that an operator has stopped.
func stopped() *control.Snapshot {
	s := busy()
	stop(&s.Listeners[1])
	s.Generation++
	setByHand(s, "listeners.web.enabled", "true", "false")
	addEvent(s, control.Event{Level: control.LevelInfo, Listener: "web", Actor: "alice (uid 1000)", Message: "web: stop, 212 connections drained"})
	return s
}

// setByHand shows that an operator has changed a value of the file.
func setByHand(s *control.Snapshot, path, file, value string) {
	s.Config.State, s.Config.Overrides = control.ConfigOverridden, []string{path}
	s.Config.Edits = []control.Override{{Path: path, File: file, Base: file, Value: value,
		Actor: "alice (uid 1000)", Since: sceneTime.Add(-13 * time.Second)}}
}

// draining has one listener that is being stopped and one whose workers are being replaced.
func draining() *control.Snapshot {
	s := busy()
	deadline := sceneTime.Add(17 * time.Second)
	hello, web := &s.Listeners[0], &s.Listeners[1]
	hello.Enabled, hello.State = false, control.StateDraining
	drain(&hello.Workers[0], deadline)
	for _, old := range web.Workers[2:] {
		drain(&old, deadline)
		web.Workers = append(web.Workers, old)
	}
	for i := range web.Workers[2:4] {
		w := &web.Workers[2+i]
		*w = control.WorkerInfo{ID: w.ID, PID: nextPID(s), State: control.WorkerReady, StartedAt: sceneTime.Add(-13 * time.Second), Restarts: 1}
	}
	web.Workers[3].State = control.WorkerStarting
	recount(hello)
	recount(web)
	web.State, web.Reason = control.StateDegraded, "3 of 4 workers are ready"
	setByHand(s, "listeners.hello.enabled", "true", "false")
	addEvent(s, control.Event{Level: control.LevelInfo, Listener: "hello", Actor: "alice (uid 1000)", Message: "hello: stop, 12 connections drained"})
	return s
}

func drain(w *control.WorkerInfo, deadline time.Time) {
	w.State, w.DrainDeadline = control.WorkerDraining, &deadline
	w.Connections.Idle = 0
}

// Names that a screen must survive. No config accepts the last ones; a runtime
// of another version, or one that means harm, may still send them.
var awkward = []string{
	"a-listener-whose-name-is-as-long-as-names-may-be-in-a-config-file",
	"größe-und-übermaß", "日本語のリスナー名", "العربية", "🎸🎸🎸-rock", "e\u0301clair", "👩‍👩‍👧‍👦-family",
	"clear\x1b[2J\x1b[H", "title\x1b]0;owned\a", "bell\a\x07", "two\nlines", "tab\tbed", "rtl\u202egnp.exe", "c1\u009b31m",
	"", "nul\x00", "broken\xff\xfeutf8",
}

// many has forty listeners with awkward names and texts, one with 64 workers.
func many() *control.Snapshot {
	s := empty()
	for i := range 40 {
		name := fmt.Sprintf("listener-%02d", i)
		if i < len(awkward) {
			name = awkward[i]
		}
		workers := i % 4
		if i == 20 {
			workers = 64
		}
		l := listener(s, name, fmt.Sprintf("127.0.0.1:%d", 9100+i), workers)
		load(s, &l, 10*i*i, 3*i)
		s.Listeners = append(s.Listeners, l)
	}
	slices.SortFunc(s.Listeners, func(a, b control.ListenerInfo) int { return strings.Compare(a.Name, b.Name) })
	s.Listeners[5].Address = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535"
	s.Listeners[6].State, s.Listeners[6].Reason = control.StateFailed, "listen tcp :80: \x1b[31mpermission denied\x1b[0m\r\nsecond line"
	s.Pools = []control.PoolInfo{pool()}
	for i := range 99 {
		addEvent(s, control.Event{Level: []string{control.LevelInfo, control.LevelWarn, control.LevelError}[i%3],
			Listener: s.Listeners[i%40].Name, Actor: "mallory\x1b[8m (uid 1001)", Message: fmt.Sprintf("event %d \x1b]52;c;ZXZpbA==\a%s", i, awkward[i%len(awkward)])})
	}
	spread(s.Events, sceneTime)
	return s
}

// listener returns one that serves without traffic; workers 0 means in the master process.
func listener(s *control.Snapshot, name, address string, workers int) control.ListenerInfo {
	l := control.ListenerInfo{
		Name: name, Protocol: "http", Address: address, State: control.StateServing, Enabled: true,
		WorkersWanted: max(1, workers), WorkersReady: max(1, workers), Prefork: workers > 0, Steering: "random",
		Timeouts: control.Timeouts{Read: "10s", ReadHeader: "5s", Write: "10s", Request: "0s", Response: "0s", Idle: "2m0s", Shutdown: "30s"},
		Limits:   control.Limits{MaxConnections: 10000, MaxHeaderBytes: 16 << 10, MaxRequestBytes: 10 << 20, MinRate: control.MinRate{Rate: 240, Grace: "5s"}},
		History:  make([]control.Point, 300),
	}
	first := s.PID
	if l.Prefork {
		first = max(nextPID(s), s.PID+11)
	}
	for id := range l.WorkersWanted {
		l.Workers = append(l.Workers, control.WorkerInfo{ID: id, PID: first + id, State: control.WorkerReady,
			StartedAt: s.StartedAt.Add(time.Second), MemoryBytes: 18<<20 + uint64(id)<<16, CPUSeconds: 0.25})
	}
	return l
}

// load gives a listener a past of so many requests a second, and so many open
// connections of which a third is active.
func load(s *control.Snapshot, l *control.ListenerInfo, rate, open int) {
	for i := range l.History {
		l.History[i] = control.Point{Requests: uint32(wave(rate, i)), Connections: uint32(max(0, open+i%5-2))}
	}
	l.History[len(l.History)-1].Connections = uint32(open)
	n := uint64(len(l.Workers))
	requests := uint64(rate) * uint64(s.Time.Sub(s.StartedAt)/time.Second)
	l.Requests = 0
	for i := range l.Workers {
		w, k := &l.Workers[i], uint64(i)
		w.Requests = requests/n + 131*k
		w.Connections.Active = (uint64(open/3) + n - 1 - k) / n
		w.Connections.Idle = (uint64(open-open/3) + k) / n
		w.Connections.Total = w.Requests/50 + w.Connections.Active + w.Connections.Idle
		w.CPUSeconds += float64(w.Requests) / 65536
		w.MemoryBytes += uint64(open) << 12
		l.Requests += w.Requests
		l.Connections.Total += w.Connections.Total
	}
	l.BytesIn, l.BytesOut = 180*l.Requests, 420*l.Requests
	l.Connections.Refused, l.Connections.TimedOut = uint64(open/40), uint64(open/7)
	l.Latency = control.Latency{P50: 0.21, P99: 1.84}
	recount(l)
}

// spread gives the events times that end a few seconds before now.
func spread(events []control.Event, now time.Time) {
	for i := range events {
		events[i].Time = now.Add(-time.Duration(len(events)-i) * 7 * time.Second)
	}
}
