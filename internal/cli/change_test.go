package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/cli"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

func TestChangesArePatches(t *testing.T) {
	for _, tt := range []struct {
		args string
		want config.Patch
	}{
		{"stop web admin", config.Patch{{Path: "listeners.web.enabled", Value: "false"}, {Path: "listeners.admin.enabled", Value: "false"}}},
		{"start web", config.Patch{{Path: "listeners.web.enabled", Value: "true"}}},
		{"scale web 6", config.Patch{{Path: "listeners.web.prefork.workers", Value: "6"}}},
		{"scale web +1", config.Patch{{Path: "listeners.web.prefork.workers", Value: "3"}}},
		{"scale web -1 --no-wait", config.Patch{{Path: "listeners.web.prefork.workers", Value: "1"}}},
		{"scale admin +2", config.Patch{{Path: "listeners.admin.prefork.workers", Value: "2"}}},
		{"set listeners.web.timeouts.idle 2s", config.Patch{{Path: "listeners.web.timeouts.idle", Value: "2s"}}},
		{"set listeners.web.timeouts.idle=2s listeners.web.timeouts.read=1s", config.Patch{
			{Path: "listeners.web.timeouts.idle", Value: "2s"}, {Path: "listeners.web.timeouts.read", Value: "1s"}}},
		{"unset listeners.web.timeouts.read", config.Patch{{Path: "listeners.web.timeouts.read", Unset: true}}},
	} {
		t.Run(tt.args, func(t *testing.T) {
			fake := controltest.NewFake(scene())
			p := on(t, fake)
			if code := p.run(t, append(strings.Fields(tt.args), "--reason", "a test")...); code != 0 {
				t.Fatalf("exit code %d, stderr %s", code, &p.stderr)
			}
			changes := fake.Changes()
			if len(changes) != 1 || !reflect.DeepEqual(changes[0].Patch, tt.want) {
				t.Fatalf("got %+v, want one change %+v", changes, tt.want)
			}
			if changes[0].Actor == "" || changes[0].Reason != "a test" {
				t.Errorf("actor %q, reason %q; want somebody and the reason given", changes[0].Actor, changes[0].Reason)
			}
			if p.stdout.Len() == 0 {
				t.Error("nothing is said about the result")
			}
		})
	}
}

func TestARelativeScaleIsTrueForItsRevisionOnly(t *testing.T) {
	fake := controltest.NewFake(scene())
	p := on(t, fake)
	p.run(t, "scale", "web", "+1")
	p.run(t, "scale", "web", "4")
	if c := fake.Changes(); len(c) != 2 || c[0].Base != 7 || c[1].Base == 0 || c[1].Base == 7 {
		t.Errorf("got %+v, want bases 7 and the next", c)
	}
}

func TestResultsAreJSON(t *testing.T) {
	p := on(t, controltest.NewFake(scene()))
	for _, args := range []string{"scale web 3", "stop web", "start web", "set listeners.web.limits.accept_rate 5", "reload", "restart web 0", "restart web/1", "restart web", "restart --all", "shutdown --yes"} {
		if code := p.run(t, append(strings.Fields(args), "--json")...); code != 0 {
			t.Fatalf("%s: exit code %d, stderr %s", args, code, &p.stderr)
		}
		var r control.Result
		if err := json.Unmarshal(p.stdout.Bytes(), &r); err != nil || r.Message == "" || r.Generation == 0 {
			t.Errorf("%s: got %s, %v; want a result", args, &p.stdout, err)
		}
		oneDocument(t, p.stdout.Bytes())
	}
}

// overtaken is a runtime that somebody else changes after every look at it.
type overtaken struct{ *controltest.Fake }

func (o overtaken) Snapshot(ctx context.Context) (*control.Snapshot, error) {
	s, err := o.Fake.Snapshot(ctx)
	if err == nil {
		then := *s
		then.Generation++
		o.Set(&then)
	}
	return s, err
}

func TestWhatChangedAfterTheLookIsAConflict(t *testing.T) {
	for _, args := range []string{"set listeners.web.limits.accept_rate 5", "unset listeners.web.limits.accept_rate", "scale web 3", "stop web", "start web"} {
		if code := on(t, overtaken{controltest.NewFake(scene())}).run(t, strings.Fields(args)...); code != 4 {
			t.Errorf("%s: exit code %d, want 4", args, code)
		}
	}
}

// wrong is a runtime that refuses every config, as one in its own file.
type wrong struct{ *controltest.Fake }

func (w wrong) Plan(ctx context.Context, _ control.Change) (*control.Plan, error) {
	s, err := w.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return nil, &control.Error{Code: control.CodeInvalid, Message: s.Config.Path + ":5:2: a.b: is wrong",
		Details: []control.Detail{{Path: "a.b", File: s.Config.Path, Line: 5, Column: 2, Message: "is wrong"}}}
}

func TestErrorsNameTheFileThatWasPlanned(t *testing.T) {
	file := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(file, []byte("a: b"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := scene()
	s.Config.Path = "/etc/own.yaml"
	p := on(t, wrong{controltest.NewFake(s)})
	if code := p.run(t, "plan", file); code != 6 || !strings.Contains(p.stderr.String(), file+":5:2: a.b: is wrong") || strings.Contains(p.stderr.String(), "own.yaml") {
		t.Errorf("exit code %d, stderr %s; want the file named that was planned", code, &p.stderr)
	}
}

func TestStopTellsWhatItDrained(t *testing.T) {
	p := on(t, controltest.NewFake(scene()))
	p.run(t, "stop", "web")
	if !strings.Contains(p.stdout.String(), "\n6 connections drained") {
		t.Errorf("got %q", &p.stdout)
	}
}

// slow is a runtime that decides at once and gets there when told.
type slow struct {
	*controltest.Fake
	decided chan struct{}
	during  func(*control.Snapshot)
}

func (s *slow) Apply(ctx context.Context, c control.Change) (*control.Result, error) {
	now := scene()
	now.Generation = 8
	s.during(now)
	s.Set(now)
	defer close(s.decided)
	return &control.Result{Generation: 8, Message: "decided"}, nil
}

func TestScaleWaitsUntilTheWorkersAreReady(t *testing.T) {
	rt := &slow{controltest.NewFake(scene()), make(chan struct{}), func(s *control.Snapshot) {
		s.Listeners[2].State, s.Listeners[2].WorkersWanted = control.StateDegraded, 4
	}}
	p := on(t, rt)
	code := make(chan int, 1)
	go func() { code <- p.Run(t.Context(), []string{"scale", "web", "4"}) }()
	<-rt.decided
	select {
	case <-code:
		t.Fatal("scale returned before the workers were ready")
	case <-time.After(250 * time.Millisecond):
	}
	then := scene()
	then.Generation, then.Listeners[2].WorkersWanted, then.Listeners[2].WorkersReady = 8, 4, 4
	rt.Set(then)
	if c := <-code; c != 0 {
		t.Errorf("exit code %d, stderr %s", c, &p.stderr)
	}
}

func TestWaitingEndsWithAFailureOrTheTimeout(t *testing.T) {
	for _, tt := range []struct {
		args, want string
		during     func(*control.Snapshot)
	}{
		{"start web", "web has failed: port is in use", func(s *control.Snapshot) {
			s.Listeners[2].State, s.Listeners[2].Reason = control.StateFailed, "port is in use"
		}},
		{"stop web --timeout 300ms", "not finished within 300ms: web is draining, 6 connections left", func(s *control.Snapshot) {
			s.Listeners[2].State = control.StateDraining
		}},
	} {
		p := on(t, &slow{controltest.NewFake(scene()), make(chan struct{}), tt.during})
		if code := p.run(t, strings.Fields(tt.args)...); code != 1 || !strings.Contains(p.stderr.String(), tt.want) {
			t.Errorf("%s: exit code %d, stderr %s; want 1 and %q", tt.args, code, &p.stderr, tt.want)
		}
	}
}

func TestShutdownAsksOnATerminalOnly(t *testing.T) {
	fake := controltest.NewFake(scene())
	p := on(t, fake)
	if code := p.run(t, "shutdown"); code != 2 || len(fake.Actions()) != 0 {
		t.Errorf("exit code %d, actions %v; want 2 and none", code, fake.Actions())
	}
	if code := p.run(t, "shutdown", "--yes"); code != 0 {
		t.Errorf("exit code %d, stderr %s; want 0", code, &p.stderr)
	}
	if code := p.run(t, "status"); code != 3 {
		t.Errorf("status after shutdown: exit code %d, want 3", code)
	}
}

func TestExitCodes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("version: 1\nlistenrs: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := &control.Error{Code: control.CodeRefused, Message: "port 8080 is in use; 2 workers keep running"}
	for _, tt := range []struct {
		args    string
		refuse  error
		code    int
		message string
	}{
		{args: "status", code: 0},
		{args: "--help", code: 0},
		{args: "config", code: 0},
		{args: "start wbe", code: 1, message: `did you mean "web"?`},
		{args: "workers wbe", code: 1, message: `did you mean "web"?`},
		{args: "restart web 77", code: 1, message: "77"},
		{args: "restart wbe", code: 1, message: `did you mean "web"?`},
		{args: "restart", code: 2, message: "--all"},
		{args: "restart web --all", code: 2, message: "--all"},
		{args: "restart web/x", code: 2, message: "not a worker number"},
		{args: "restart web/1 2", code: 2, message: "already names a worker"},
		{args: "sttus", code: 2, message: `did you mean "status"?`},
		{args: "config vlidate", code: 2, message: `did you mean "validate"?`},
		{args: "status --bogus", code: 2, message: "--bogus"},
		{args: "status extra", code: 2, message: "extra"},
		{args: "scale web", code: 2, message: "scale LISTENER"},
		{args: "scale web many", code: 2, message: "many"},
		{args: "scale web -3", code: 2, message: "is not possible"},
		{args: "set listeners.web.enabled", code: 2, message: "PATH=VALUE"},
		{args: "connections --state busy", code: 2, message: "active, idle"},
		{args: "connections --limit 0", code: 2, message: "between 1 and 10000"},
		{args: "events -n 0", code: 2, message: "less than 1"},
		{args: "config history -n 0", code: 2, message: "less than 1"},
		{args: "config history -n -1", code: 2, message: "less than 1"},
		{args: "completion csh", code: 2, message: "csh"},
		{args: "config validate", code: 2, message: "no file: name one"},
		{args: "status --socket /nonexistent/control.sock", code: 3, message: "/nonexistent/control.sock"},
		{args: "status --socket ssh://host", code: 1, message: "not supported"},
		{args: "set --if-generation 3 listeners.web.enabled false", code: 4, message: "generation"},
		{args: "set --if-revision 3 listeners.web.enabled false", code: 4, message: "generation"},
		{args: "scale web 3 --read-only", code: 5, message: "--read-only"},
		{args: "shutdown --yes --read-only", code: 5, message: "--read-only"},
		{args: "scale web 3", refuse: &control.Error{Code: control.CodeDenied, Message: "viewers may look"}, code: 5, message: "viewers may look"},
		{args: "scale web 3", refuse: refused, code: 6, message: "keep running"},
		{args: "reload", refuse: refused, code: 6, message: "keep running"},
		{args: "set listeners.web.timeouts.idle soon", code: 6, message: "listeners.web.timeouts.idle"},
		{args: "set listeners.web.limits.max_connections -5", code: 6, message: "-5 is too small"},
		{args: "set listeners.web.timeouts.idle -5s --reason why", code: 6, message: "-5s is too small"},
		{args: "plan set listeners.web.limits.max_connections -5", code: 6, message: "-5 is too small"},
		{args: "set listeners.web.nonsense 1", code: 6, message: "nonsense"},
		{args: "config validate " + bad, code: 78, message: bad + ":2:1: listenrs"},
		{args: "config validate /nonexistent.yaml", code: 78, message: "/nonexistent.yaml"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			fake := controltest.NewFake(scene())
			fake.Refuse(tt.refuse)
			p := on(t, fake)
			if code := p.run(t, strings.Fields(tt.args)...); code != tt.code || !strings.Contains(p.stderr.String(), tt.message) {
				t.Errorf("exit code %d, stderr %q; want %d and %q", code, &p.stderr, tt.code, tt.message)
			}
			if tt.code == 0 {
				return
			}
			if code := p.run(t, append(strings.Fields(tt.args), "--json")...); code != tt.code || p.stdout.Len() > 0 {
				t.Errorf("--json: exit code %d, stdout %q; want %d and nothing", code, &p.stdout, tt.code)
			}
			var doc struct{ Error *control.Error }
			if err := json.Unmarshal(p.stderr.Bytes(), &doc); err != nil || doc.Error == nil || doc.Error.Code == "" || doc.Error.Message == "" {
				t.Errorf("--json: stderr %s, %v; want an error with code and message", &p.stderr, err)
			}
		})
	}
}

// A refusal's message is made of its details: with one of them it is that.
func TestARefusalIsToldOnce(t *testing.T) {
	one := control.Detail{Path: "listeners.web.limits.max_connections", Message: "must not be negative", Hint: "0 is no limit"}
	two := control.Detail{Path: "listeners.web.limits.accept_rate", Message: "must not be negative"}
	for _, tt := range []struct {
		err  *control.Error
		want string
	}{
		{&control.Error{Message: one.Path + ": must not be negative; 0 is no limit", Details: []control.Detail{one}},
			"rockstar-tui: listeners.web.limits.max_connections: must not be negative (0 is no limit)\n"},
		{&control.Error{Message: "no room", Details: []control.Detail{{Path: "kind", Message: "no room"}}}, "rockstar-tui: no room\n"},
		{&control.Error{Message: "no room", Details: []control.Detail{{Message: "look elsewhere"}}}, "rockstar-tui: no room\n  look elsewhere\n"},
		{&control.Error{Message: "2 errors, the first: " + one.Message, Details: []control.Detail{one, two}},
			"rockstar-tui: 2 errors, the first: must not be negative\n" +
				"  listeners.web.limits.max_connections: must not be negative (0 is no limit)\n" +
				"  listeners.web.limits.accept_rate: must not be negative\n"},
	} {
		tt.err.Code = control.CodeInvalid
		fake := controltest.NewFake(scene())
		fake.Refuse(tt.err)
		p := on(t, fake)
		if p.run(t, "scale", "web", "3"); p.stderr.String() != tt.want {
			t.Errorf("got\n%swant\n%s", &p.stderr, tt.want)
		}
	}
}

func TestReloadKeepsOrDiscardsWhatWasChangedByHand(t *testing.T) {
	fake := controltest.NewFake(scene())
	p := on(t, fake)
	p.run(t, "reload")
	p.run(t, "reload", "--discard")
	if a := fake.Actions(); len(a) != 2 || a[0].Kind != control.Reload || a[0].Discard || a[1].Kind != control.Reload || !a[1].Discard {
		t.Errorf("acted %+v, want a reload and one that discards", a)
	}
}

func TestServeMapsHowItEnded(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{config.Errors{{File: "my.yaml", Line: 1, Column: 1, Message: "bad"}}, 78},
		{&os.PathError{Op: "open", Path: "/etc/my.yaml", Err: os.ErrNotExist}, 78},
		{&os.PathError{Op: "open", Path: "/elsewhere", Err: os.ErrNotExist}, 1},
		{&control.Error{Code: control.CodeRefused, Message: "port in use"}, 1},
		{socket.ErrAlreadyRunning, 4},
		{errors.New("something else"), 1},
	} {
		p := newProgram()
		var got cli.ServeOptions
		p.Serve = func(_ context.Context, o cli.ServeOptions) error {
			got = o
			o.Ready()
			return tt.err
		}
		if code := p.run(t, "serve", "-c", "/etc/my.yaml", "--socket", "/run/x.sock", "--read-only",
			"--state", "/var/lib/x", "--keep-overrides", "--fallback-last-good"); code != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.err, code, tt.code)
		}
		if got.ConfigPath != "/etc/my.yaml" || got.Socket != "/run/x.sock" || !got.ReadOnly || got.Terminal ||
			got.StateDir != "/var/lib/x" || !got.KeepOverrides || !got.FallbackLastGood {
			t.Errorf("got %+v", got)
		}
	}
}
