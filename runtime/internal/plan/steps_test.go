package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
)

// scene is a config with a listener of four workers, one without, one that is
// stopped, and two pools.
const scene = `
version: 1
listeners:
  web:
    address: ":8080"
    prefork: {workers: 4}
    timeouts: {idle: 1m, shutdown: 30s}
    routes: [{match: /api/, proxy: {pool: api}}]
  local:
    address: ":8081"
    timeouts: {shutdown: 30s}
    routes: [{match: /, respond: {body: hi}}]
  off:
    address: ":8082"
    enabled: false
    routes: [{match: /, respond: {body: hi}}]
pools:
  api: {backends: {a: {url: "http://10.0.0.1:80"}, b: {url: "http://10.0.0.2:80"}}}
  spare: {backends: {a: {url: "http://10.0.0.3:80"}}}
`

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// with makes edits of "path=value", or "-path" to unset.
func with(t *testing.T, c *config.Config, edits ...string) *config.Config {
	t.Helper()
	var p config.Patch
	for _, e := range edits {
		if path, unset := strings.CutPrefix(e, "-"); unset {
			p = append(p, config.Edit{Path: path, Unset: true})
			continue
		}
		path, value, _ := strings.Cut(e, "=")
		p = append(p, config.Edit{Path: path, Value: value})
	}
	to, err := c.With(p)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// viewOf is a state in which all that is enabled is served: each worker has 1
// connection within a request and 2 between two, a master 3 and 4.
func viewOf(cfg *config.Config) plan.View {
	v := plan.View{
		Generation: 7, Config: cfg, Now: now, Running: map[string]plan.Running{}, Failed: map[string]bool{},
		Backends: map[string]plan.Load{"api/a": {Active: 2, Idle: 3}, "api/b": {Active: 1}, "spare/a": {Idle: 5}},
	}
	for name, l := range cfg.Listeners {
		if l.Enabled {
			v.Running[name] = served(l)
		}
	}
	return v
}

func served(l config.Listener) plan.Running {
	r := plan.Running{Listener: l}
	for id := range l.Prefork.Workers {
		r.Processes = append(r.Processes, plan.Process{ID: id, PID: 100 + id, Load: plan.Load{Active: 1, Idle: 2}})
	}
	if l.Prefork.Workers == 0 {
		r.Processes = []plan.Process{{Load: plan.Load{Active: 3, Idle: 4}}}
	}
	return r
}

func TestStepsNameWhatIsDoneToEachListener(t *testing.T) {
	for _, c := range []struct{ edits, want string }{
		{"", ""},
		{"listeners.web.timeouts.idle=2m", "web update"},
		{"defaults.timeouts.read=9s", "local update, web update"},
		{"listeners.web.address=:9090", "web rebind"},
		{"listeners.web.address=127.0.0.1:8080", "web rebind"},
		{"listeners.web.address=:9090 listeners.web.prefork.workers=2", "web rebind"},
		{"listeners.web.prefork.workers=5", "web resize"},
		{"listeners.web.prefork.workers=0 listeners.web.timeouts.idle=2m", "web resize"},
		{"listeners.local.prefork.workers=1", "local resize"},
		{"listeners.local.protocol=http2 listeners.local.h2c=true", "local update"},
		{"listeners.local.protocol=quic listeners.local.tls={cert_file: c, key_file: k}", "local rebind"},
		{"listeners.web.enabled=false", "web stop"},
		{"-listeners.web", "web remove"},
		{"-listeners.off", ""},
		{"listeners.off.enabled=true", "off start"},
		{"listeners.off.address=:9090", ""},
		{"listeners.new={address: ':9090'}", "new start"},
		{"listeners.new={address: ':9090', enabled: false}", ""},
		{"-listeners.web listeners.off.enabled=true listeners.local.enabled=false", "local stop, off start, web remove"},
		{"pools.spare.balance=random", ""},
	} {
		cfg := parse(t, scene)
		if got := actions(plan.Steps(viewOf(cfg), with(t, cfg, edits(c.edits)...))); got != c.want {
			t.Errorf("%s: got %q, want %q", c.edits, got, c.want)
		}
	}
}

// edits splits at blanks in front of a path.
func edits(text string) (out []string) {
	for _, word := range strings.Fields(text) {
		if n := len(out); n > 0 && !strings.ContainsAny(word, "=") && !strings.HasPrefix(word, "-") {
			out[n-1] += " " + word
			continue
		}
		out = append(out, word)
	}
	return out
}

func actions(steps []plan.Step) string {
	var out []string
	for _, s := range steps {
		out = append(out, fmt.Sprintf("%s %s", s.Name, s.Action))
	}
	return strings.Join(out, ", ")
}

func TestQUICMovesBackToTCP(t *testing.T) {
	cfg := with(t, parse(t, scene), "listeners.local.protocol=quic", "listeners.local.tls={cert_file: c, key_file: k}")
	if got := actions(plan.Steps(viewOf(cfg), with(t, cfg, "listeners.local.protocol=http2"))); got != "local rebind" {
		t.Errorf("got %q, want it bound anew", got)
	}
}

// What the config does not show still makes an update; of what stops, nothing else.
func TestOutdatedListenersAreUpdated(t *testing.T) {
	cfg := parse(t, scene)
	v := viewOf(cfg)
	r := v.Running["web"]
	r.Outdated = true
	v.Running["web"] = r
	if got := actions(plan.Steps(v, cfg)); got != "web update" {
		t.Errorf("got %q, want an update of web alone", got)
	}
	if got := actions(plan.Steps(v, with(t, cfg, "listeners.web.enabled=false"))); got != "web stop" {
		t.Errorf("got %q, want web to stop", got)
	}
}

func TestAListenerThatCouldNotBeOpenedIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		edits, want string
		alone       bool
	}{
		{"listeners.web.timeouts.idle=2m", "", true},
		{"listeners.web.prefork.workers=2", "", true},
		{"listeners.web.address=:9090", "web start", false},
		{"listeners.web.protocol=http2 listeners.web.h2c=true", "web start", false},
		{"listeners.web.enabled=false", "", false},
		{"-listeners.web", "", false},
	} {
		cfg := parse(t, scene)
		v := viewOf(cfg)
		delete(v.Running, "web")
		v.Failed["web"] = true
		to := with(t, cfg, edits(c.edits)...)
		if got := actions(plan.Steps(v, to)); got != c.want || v.LeavesAlone(to, "web") != c.alone {
			t.Errorf("%s: got %q, left alone %t; want %q, %t", c.edits, got, v.LeavesAlone(to, "web"), c.want, c.alone)
		}
	}
	cfg := parse(t, scene)
	v := viewOf(cfg)
	v.Failed["new"], v.Failed["off"] = true, true
	if to := with(t, cfg, "listeners.new={address: ':9090'}", "listeners.off.enabled=true"); v.LeavesAlone(to, "new") || v.LeavesAlone(to, "off") || v.LeavesAlone(to, "web") {
		t.Error("a listener is left alone that was not wanted before, or did not fail")
	}
}

// What each step does, and to whom.
func TestStepsTellWhomTheyConcern(t *testing.T) {
	for _, c := range []struct {
		edits                     string
		opens, ends, conns, times bool
		retires                   []int // of the workers 0 to 3
	}{
		{"listeners.web.timeouts.idle=2m", false, false, false, true, nil},
		{"listeners.web.buffers.read=8KiB", false, false, false, false, nil},
		{"listeners.web.keep_alive.enabled=false", false, false, true, false, nil},
		{"listeners.web.keep_alive.enabled=false listeners.web.timeouts.idle=2m", false, false, true, false, nil},
		{"listeners.web.prefork.workers=5", false, false, false, false, nil},
		{"listeners.web.prefork.workers=5 listeners.web.timeouts.idle=2m", false, false, false, false, nil},
		{"listeners.web.prefork.workers=2", false, false, true, false, []int{2, 3}},
		{"listeners.web.prefork.workers=0", false, false, true, false, []int{0, 1, 2, 3}},
		{"listeners.local.prefork.workers=2", false, false, true, false, []int{0, 1, 2, 3}},
		{"listeners.web.enabled=false", false, true, true, false, []int{0, 1, 2, 3}},
		{"-listeners.web", false, true, true, false, []int{0, 1, 2, 3}},
		{"listeners.web.address=127.0.0.1:8080", true, false, true, false, []int{0, 1, 2, 3}},
		{"listeners.web.address=:9090", true, false, true, false, []int{0, 1, 2, 3}},
		{"listeners.off.enabled=true", true, false, false, false, nil},
	} {
		cfg := parse(t, scene)
		steps := plan.Steps(viewOf(cfg), with(t, cfg, edits(c.edits)...))
		if len(steps) != 1 {
			t.Fatalf("%s: %d steps", c.edits, len(steps))
		}
		s := steps[0]
		var retires []int
		for id := range 4 {
			if s.Retires(id) {
				retires = append(retires, id)
			}
		}
		if s.Opens() != c.opens || s.Ends() != c.ends || !slices.Equal(retires, c.retires) {
			t.Errorf("%s: opens %t, ends %t, retires %v; want %+v", c.edits, s.Opens(), s.Ends(), retires, c)
		}
		if s.AsksConnections() != c.conns || s.AsksOverdue() != c.times {
			t.Errorf("%s: asks for connections %t, for what is overdue %t; want %t, %t", c.edits, s.AsksConnections(), s.AsksOverdue(), c.conns, c.times)
		}
	}
}

// Nobody is asked for connections where there are none.
func TestNothingIsAskedOfWhoHasNoConnections(t *testing.T) {
	for _, edit := range []string{"listeners.web.enabled=false", "listeners.web.keep_alive.enabled=false"} {
		cfg := parse(t, scene)
		v := viewOf(cfg)
		for i := range v.Running["web"].Processes {
			v.Running["web"].Processes[i].Load = plan.Load{}
		}
		if plan.Steps(v, with(t, cfg, edit))[0].AsksConnections() {
			t.Errorf("%s: workers without connections are asked for them", edit)
		}
	}
}

// With TLS, h2c only says that HTTP/2 in clear would be spoken.
func TestHTTP2InClearIsAnotherProtocol(t *testing.T) {
	var was, will config.Listener
	will.H2C = true
	s := plan.Step{Action: control.ListenerUpdated, From: &plan.Running{Listener: was, Processes: []plan.Process{{Load: plan.Load{Idle: 1}}}}, To: will}
	if !s.AsksConnections() {
		t.Error("connections stay, though their protocol does not")
	}
}

func TestNeedsAddUp(t *testing.T) {
	got := plan.Needs([]control.ListenerPlan{
		{Action: control.ListenerStarted, WorkersStarted: 2}, {Action: control.ListenerRebound, WorkersStarted: 1},
		{Action: control.ListenerResized, WorkersStarted: 3},
	})
	if want := (control.Needs{Processes: 6, Descriptors: 6*4 + 2*2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
