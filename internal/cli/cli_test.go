package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/cli"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

var update = flag.Bool("update", false, "write the golden files anew")

func init() { time.Local = time.UTC }

// program is a command line in a world of its own.
type program struct {
	cli.Program
	env            map[string]string
	stdout, stderr bytes.Buffer
}

func newProgram() *program {
	p := &program{env: map[string]string{}}
	p.Program = cli.Program{
		Version: "1.2.3",
		Stdin:   strings.NewReader(""),
		Stdout:  &p.stdout,
		Stderr:  &p.stderr,
		Env:     func(name string) string { return p.env[name] },
	}
	return p
}

func (p *program) run(t *testing.T, args ...string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p.stdout.Reset()
	p.stderr.Reset()
	return p.Run(ctx, args)
}

// on returns a command line whose runtime is ctl, behind a real socket.
func on(t *testing.T, ctl control.Controller) *program {
	t.Helper()
	p := newProgram()
	p.env["ROCKSTAR_SOCKET"] = serve(t, ctl)
	return p
}

// serve answers on a socket until the test ends or the runtime is shut down.
func serve(t *testing.T, ctl control.Controller) string {
	t.Helper()
	path := filepath.Join(socketDir(t), "control.sock")
	ln, err := socket.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- control.Serve(ctx, ln, control.Handler(ends{ctl, cancel}, control.HandlerOptions{})) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("control.Serve: %v", err)
		}
	})
	return path
}

// socketDir is short, because the path of a socket has to be.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cli")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// ends is a runtime that goes away when it is shut down.
type ends struct {
	control.Controller
	end context.CancelFunc
}

func (e ends) Act(ctx context.Context, a control.Action) (*control.Result, error) {
	r, err := e.Controller.Act(ctx, a)
	if err == nil && a.Kind == control.Shutdown {
		e.end()
	}
	return r, err
}

// scene is the runtime most tests look at: three listeners, one of them with a
// name that tries to take over the terminal in what it says.
func scene() *control.Snapshot {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	worker := func(id, pid int, state string) control.WorkerInfo {
		return control.WorkerInfo{ID: id, PID: pid, State: state, StartedAt: now.Add(-90 * time.Minute),
			Connections: control.WorkerCounts{Active: 1, Idle: 2, Total: 10}, Requests: 123_456, Errors: 1,
			CPUSeconds: 12.34, MemoryBytes: 23 << 20}
	}
	one := 1
	web := control.ListenerInfo{
		Name: "web", Protocol: "http", Address: "127.0.0.1:8080", State: control.StateServing, Enabled: true,
		WorkersWanted: 2, WorkersReady: 2, Prefork: true, Steering: "random",
		Workers:     []control.WorkerInfo{worker(0, 4243, control.WorkerReady), worker(1, 4244, control.WorkerReady)},
		Connections: control.ConnectionCounts{Active: 2, Idle: 4, Total: 20, Refused: 3, TimedOut: 5},
		Requests:    246_912, Errors: 2, Failures: control.Failures{Client: 3, Canceled: 4, Server: 1, Backend: 1}, BytesIn: 44_444_160, BytesOut: 103_703_040,
		Latency:  control.Latency{P50: 0.12, P99: 34.5},
		Timeouts: control.Timeouts{Read: "10s", ReadHeader: "5s", Write: "10s", Request: "0s", Response: "0s", Idle: "2m0s", Shutdown: "30s"},
		Limits:   control.Limits{MaxConnections: 10000, MaxHeaderBytes: 16384, MaxRequestBytes: 10 << 20, MinRate: control.MinRate{Rate: 240, Grace: "5s"}},
	}
	web.Workers[1].LastExit = "signal: killed"
	admin := web
	admin.Name, admin.Address, admin.Prefork, admin.Steering = "admin", "[::1]:9000", false, "shared"
	admin.WorkersWanted, admin.WorkersReady = 1, 1
	admin.Workers = []control.WorkerInfo{worker(0, 4242, control.WorkerReady)}
	admin.Connections = control.ConnectionCounts{Active: 1, Idle: 2, Total: 10}
	edge := web
	edge.Name, edge.Address, edge.Workers = "edge", "0.0.0.0:8443", []control.WorkerInfo{}
	edge.State, edge.WorkersReady = control.StateFailed, 0
	edge.Reason = "bind: address in use \x1b]0;mine\a\u009b2J"
	edge.Connections, edge.Requests, edge.BytesIn, edge.BytesOut = control.ConnectionCounts{}, 0, 0, 0
	edge.Latency = control.Latency{}
	return &control.Snapshot{
		Time: now, Version: "1.2.3", Host: "stage", PID: 4242, StartedAt: now.Add(-26*time.Hour - 3*time.Minute), Generation: 7,
		Role: "admin", Config: control.ConfigStatus{Path: "/etc/rockstar-tui/my.yaml", State: control.ConfigInSync, LoadedAt: now.Add(-time.Hour)},
		Listeners: []control.ListenerInfo{admin, edge, web},
		Pools: []control.PoolInfo{{
			Name: "api", Balance: "least_connections",
			Stats: control.PoolStats{Total: 3, Active: 1, Idle: 2, WaitCount: 4, WaitDurationMS: 50},
			Backends: []control.BackendInfo{
				{Name: "a", URL: "http://127.0.0.1:9001", Weight: 1, State: control.BackendUp,
					Connections: control.BackendCounts{Active: 1, Idle: 2}, Requests: 12_345, Errors: 1},
				{Name: "b", URL: "http://127.0.0.1:9002", Weight: 2, State: control.BackendDown},
			},
		}},
		Events: []control.Event{
			{Seq: 1, Time: now.Add(-time.Hour), Level: control.LevelInfo, Message: "config loaded, generation 7"},
			{Seq: 2, Time: now.Add(-time.Minute), Level: control.LevelWarn, Listener: "web", Worker: &one, Message: "worker crashed: signal: killed"},
			{Seq: 3, Time: now, Level: control.LevelInfo, Listener: "web", Actor: "alice\x1b[2J", Message: "idle timeout 2m0s"},
		},
	}
}

func TestViewsPrintForPeopleAndForScripts(t *testing.T) {
	for _, args := range []string{
		"status", "listeners", "workers", "workers web", "pools", "connections --listener web --limit 3",
		"events", "events -n 1", "plan set listeners.web.prefork.workers 4",
	} {
		p := on(t, controltest.NewFake(scene()))
		name := strings.NewReplacer(" --", "-", " -", "-", " ", "-", ".", "-").Replace(args)
		t.Run(name, func(t *testing.T) {
			if code := p.run(t, strings.Fields(args)...); code != 0 {
				t.Fatalf("exit code %d, stderr %s", code, &p.stderr)
			}
			golden(t, name+".txt", p.stdout.Bytes())
			safe(t, p.stdout.String())
			if code := p.run(t, append(strings.Fields(args), "--json")...); code != 0 {
				t.Fatalf("--json: exit code %d, stderr %s", code, &p.stderr)
			}
			golden(t, name+".json", p.stdout.Bytes())
			safe(t, p.stdout.String())
			oneDocument(t, p.stdout.Bytes())
		})
	}
}

func TestStatusTellsWhyAConfigIsRefused(t *testing.T) {
	s := scene()
	s.Config.State = control.ConfigRefused
	s.Config.Error = &control.Error{Code: control.CodeInvalid, Message: "my.yaml is not valid",
		Details: []control.Detail{{Path: "listeners.web.timeouts.raed", File: "my.yaml", Line: 4, Column: 7, Message: "unknown key", Hint: `did you mean "read"?`}}}
	s.Config.Overrides = []string{"listeners.web.enabled"}
	p := on(t, controltest.NewFake(s))
	p.run(t, "status")
	golden(t, "status-refused.txt", p.stdout.Bytes())
}

func TestStatusWithoutAFileTellsWhatChangedSinceStart(t *testing.T) {
	s := scene()
	s.Config = control.ConfigStatus{State: control.ConfigOverridden, Overrides: []string{"listeners.web.enabled"}}
	p := on(t, controltest.NewFake(s))
	p.run(t, "status")
	for _, want := range []string{"config (demo, no file): changed since start\n", "  changed since start: listeners.web.enabled\n"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("got\n%s\nwant %q", &p.stdout, want)
		}
	}
}

func TestStatusOfAnEmptyRuntime(t *testing.T) {
	p := on(t, controltest.NewFake(controltest.Scene("empty")))
	for _, args := range []string{"status", "listeners", "workers", "pools", "connections", "events"} {
		if code := p.run(t, args); code != 0 || p.stdout.Len() == 0 {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q; want 0 and some text", args, code, &p.stdout, &p.stderr)
		}
		p.run(t, args, "--json")
		if strings.Contains(p.stdout.String(), `s": null`) {
			t.Errorf("%s --json has null for an empty list:\n%s", args, &p.stdout)
		}
	}
}

func TestStatusJSONHasTheFieldsScriptsRelyOn(t *testing.T) {
	p := on(t, controltest.NewFake(scene()))
	p.run(t, "status", "--json")
	var s struct {
		Listeners []struct {
			Name    string `json:"name"`
			Wanted  int    `json:"workers_wanted"`
			Workers []struct {
				PID int `json:"pid"`
			} `json:"workers"`
			Timeouts map[string]string `json:"timeouts"`
		} `json:"listeners"`
		Revision int             `json:"revision"`
		Config   json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(p.stdout.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if s.Revision != 7 || len(s.Listeners) != 3 || s.Listeners[2].Workers[1].PID != 4244 || s.Listeners[0].Timeouts["idle"] != "2m0s" {
		t.Errorf("got %+v", s)
	}
	if !strings.Contains(string(s.Config), `"error": null`) {
		t.Errorf("config has no error: null: %s", s.Config)
	}
}

func TestWatchGoesOnUntilInterrupted(t *testing.T) {
	fake := controltest.NewFake(scene())
	p := on(t, fake)
	ctx, cancel := context.WithCancel(t.Context())
	lines := &lineCounter{want: 3, done: cancel, step: fake.Step}
	p.Stdout = lines
	if code := p.Run(ctx, []string{"status", "--watch", "--interval", "100ms", "--json"}); code != 0 {
		t.Errorf("exit code %d, stderr %s; to be interrupted is no failure", code, &p.stderr)
	}
	if lines.seen < 3 {
		t.Errorf("got %d states, want 3, one per line", lines.seen)
	}
}

// lineCounter ends a watch after so many lines.
type lineCounter struct {
	want, seen int
	step       func()
	done       func()
}

func (l *lineCounter) Write(b []byte) (int, error) {
	l.seen += bytes.Count(b, []byte("\n"))
	l.step()
	if l.seen >= l.want {
		l.done()
	}
	return len(b), nil
}

func TestVersion(t *testing.T) {
	p := newProgram()
	p.run(t, "version")
	if !strings.HasPrefix(p.stdout.String(), "rockstar-tui 1.2.3 (go") {
		t.Errorf("got %q", &p.stdout)
	}
	p.run(t, "version", "--json")
	var v map[string]string
	if err := json.Unmarshal(p.stdout.Bytes(), &v); err != nil || v["version"] != "1.2.3" {
		t.Errorf("got %s, %v", &p.stdout, err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s\n(go test ./internal/cli -update accepts it)", name, got, want)
	}
}

// safe finds what a terminal would obey.
func safe(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			t.Fatalf("control character %U in %q", r, s)
		}
	}
}

func oneDocument(t *testing.T, b []byte) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		t.Fatalf("no JSON: %v in %s", err, b)
	}
	if dec.More() {
		t.Fatalf("more than one document: %s", b)
	}
}
