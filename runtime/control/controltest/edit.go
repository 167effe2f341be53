package controltest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// field is one value of a listener that an edit can change.
type field struct {
	// initial is what the value is when unset.
	initial string
	// parse returns the value as the snapshot shows it.
	parse func(string) (string, error)
	get   func(*control.ListenerInfo) string
	set   func(*control.Snapshot, *control.ListenerInfo, string)
}

var fields = map[string]field{
	"enabled":                  {"true", parseBool, enabled, setEnabled},
	"prefork.workers":          {"0", parseNumber(1024), workers, setWorkers},
	"timeouts.read":            timeout("10s", func(t *control.Timeouts) *string { return &t.Read }),
	"timeouts.read_header":     timeout("5s", func(t *control.Timeouts) *string { return &t.ReadHeader }),
	"timeouts.write":           timeout("10s", func(t *control.Timeouts) *string { return &t.Write }),
	"timeouts.idle":            timeout("2m0s", func(t *control.Timeouts) *string { return &t.Idle }),
	"timeouts.shutdown":        timeout("30s", func(t *control.Timeouts) *string { return &t.Shutdown }),
	"limits.max_connections":   limit("10000", func(l *control.Limits) *int { return &l.MaxConnections }),
	"limits.accept_rate":       limit("0", func(l *control.Limits) *int { return &l.AcceptRate }),
	"limits.max_header_bytes":  size("16384", func(l *control.Limits) *int64 { return &l.MaxHeaderBytes }),
	"limits.max_request_bytes": size("10485760", func(l *control.Limits) *int64 { return &l.MaxRequestBytes }),
}

func timeout(initial string, at func(*control.Timeouts) *string) field {
	return field{initial, parseDuration,
		func(l *control.ListenerInfo) string { return *at(&l.Timeouts) },
		func(_ *control.Snapshot, l *control.ListenerInfo, v string) { *at(&l.Timeouts) = v }}
}

func limit(initial string, at func(*control.Limits) *int) field {
	return field{initial, parseNumber(1 << 30),
		func(l *control.ListenerInfo) string { return strconv.Itoa(*at(&l.Limits)) },
		func(_ *control.Snapshot, l *control.ListenerInfo, v string) { *at(&l.Limits), _ = strconv.Atoi(v) }}
}

func size(initial string, at func(*control.Limits) *int64) field {
	return field{initial, parseNumber(1 << 30),
		func(l *control.ListenerInfo) string { return strconv.FormatInt(*at(&l.Limits), 10) },
		func(_ *control.Snapshot, l *control.ListenerInfo, v string) {
			*at(&l.Limits), _ = strconv.ParseInt(v, 10, 64)
		}}
}

func parseBool(s string) (string, error) {
	if s != "true" && s != "false" {
		return "", fmt.Errorf("%q is neither true nor false", s)
	}
	return s, nil
}

func parseNumber(most int) func(string) (string, error) {
	return func(s string) (string, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > most {
			return "", fmt.Errorf("%q is not a number between 0 and %d", s, most)
		}
		return strconv.Itoa(n), nil
	}
}

func parseDuration(s string) (string, error) {
	d, err := time.ParseDuration(s)
	if err != nil || s == "0" {
		return "", fmt.Errorf("%q is not a duration, write it as 10s or 1m30s", s)
	}
	if d < 0 {
		return "", errors.New("a duration cannot be negative")
	}
	return d.String(), nil
}

// edit carries out the patch on s and returns what has changed, by path. On an
// error, which names every wrong edit, s is spoilt.
func edit(s *control.Snapshot, patch config.Patch) ([]config.Change, error) {
	before := map[string]string{}
	after := map[string]string{}
	var details []control.Detail
	for _, e := range patch {
		from, to, err := editOne(s, e)
		if err != nil {
			details = append(details, control.Detail{Path: e.Path, Message: err.Error()})
			continue
		}
		if _, seen := before[e.Path]; !seen {
			before[e.Path] = from
		}
		after[e.Path] = to
	}
	if len(details) > 0 {
		return nil, &control.Error{Code: control.CodeInvalid, Message: details[0].Path + ": " + details[0].Message, Details: details}
	}
	return changesOf(before, after), nil
}

func editOne(s *control.Snapshot, e config.Edit) (from, to string, err error) {
	l, key := target(s, e.Path)
	if l == nil {
		return "", "", errors.New("there is no such listener")
	}
	f, known := fields[key]
	if !known {
		return "", "", errors.New("unknown key")
	}
	value := e.Value
	if e.Unset {
		value = f.initial
	}
	if to, err = f.parse(value); err != nil {
		return "", "", err
	}
	if from = f.get(l); from != to {
		f.set(s, l, to)
	}
	return from, to, nil
}

// target finds the listener of a path and the key behind it. Scenes have names
// with dots, so the names are tried, not the dots.
func target(s *control.Snapshot, path string) (*control.ListenerInfo, string) {
	for i := range s.Listeners {
		if key, ok := strings.CutPrefix(path, "listeners."+s.Listeners[i].Name+"."); ok {
			return &s.Listeners[i], key
		}
	}
	return nil, ""
}

func changesOf(before, after map[string]string) []config.Change {
	changes := []config.Change{}
	for path, from := range before {
		if to := after[path]; to != from {
			changes = append(changes, config.Change{Path: path, From: from, To: to, Effect: effectOf(path, from, to)})
		}
	}
	slices.SortFunc(changes, func(a, b config.Change) int { return strings.Compare(a.Path, b.Path) })
	return changes
}

func effectOf(path, from, to string) config.Effect {
	if strings.HasSuffix(path, ".prefork.workers") && atoi(to) < atoi(from) || strings.HasSuffix(path, ".enabled") && to == "false" {
		return config.Drain
	}
	return config.Live
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

func enabled(l *control.ListenerInfo) string { return strconv.FormatBool(l.Enabled) }

func setEnabled(s *control.Snapshot, l *control.ListenerInfo, v string) {
	if v == "false" {
		stop(l)
		return
	}
	l.Enabled, l.State, l.Reason = true, control.StateServing, ""
	resize(s, l)
}

func stop(l *control.ListenerInfo) {
	l.Enabled, l.State, l.Reason = false, control.StateStopped, ""
	l.Workers = []control.WorkerInfo{}
	recount(l)
}

func workers(l *control.ListenerInfo) string {
	if !l.Prefork {
		return "0"
	}
	return strconv.Itoa(l.WorkersWanted)
}

func setWorkers(s *control.Snapshot, l *control.ListenerInfo, v string) {
	l.WorkersWanted = atoi(v)
	if prefork := l.WorkersWanted > 0; prefork != l.Prefork {
		l.Prefork, l.Workers = prefork, nil
	}
	l.WorkersWanted = max(1, l.WorkersWanted)
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
