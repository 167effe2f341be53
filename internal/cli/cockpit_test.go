//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"

	"github.com/echterhof/rockstar-tui/internal/cli"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

// stubMode is the environment variable that makes the test binary a runtime,
// and says how it behaves.
const stubMode = "ROCKSTAR_TEST_STUB"

// TestMain is also the runtime that the cockpit starts: the test binary itself,
// as the program's own would be.
func TestMain(m *testing.M) {
	if os.Getenv(stubMode) != "" {
		os.Exit(serveStub())
	}
	os.Exit(m.Run())
}

func serveStub() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	p := &cli.Program{Version: "1.2.3", Serve: stubs[os.Getenv(stubMode)]}
	return p.Run(ctx, os.Args[1:])
}

var stubs = map[string]func(context.Context, cli.ServeOptions) error{
	"ready": ready,
	"bad config": func(_ context.Context, o cli.ServeOptions) error {
		return config.Errors{{File: o.ConfigPath, Path: "listenrs", Line: 2, Column: 1, Message: "unknown key"}}
	},
	"crash": func(context.Context, cli.ServeOptions) error {
		fmt.Fprintln(os.Stderr, "panic: out of luck \x1b[2J")
		os.Exit(9)
		return nil
	},
	"hang": func(ctx context.Context, _ cli.ServeOptions) error {
		<-ctx.Done()
		return nil
	},
	"too late": func(context.Context, cli.ServeOptions) error {
		return fmt.Errorf("control socket: %w, pid 1", socket.ErrAlreadyRunning)
	},
}

// ready serves a scene that tells in which state the process was born.
func ready(ctx context.Context, o cli.ServeOptions) error {
	s := scene()
	s.PID, s.Config.Path = os.Getpid(), o.ConfigPath
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	terminal := term.IsTerminal(0) || term.IsTerminal(1) || term.IsTerminal(2)
	s.Host = fmt.Sprintf("leader=%t terminal=%t,%t pipe=%q", int(sid) == os.Getpid(), terminal, o.Terminal, os.Getenv("ROCKSTAR_READY_FD"))
	ln, err := socket.Listen(o.Socket)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handler := control.Handler(ends{controltest.NewFake(s), cancel}, control.HandlerOptions{})
	o.Ready()
	return control.Serve(ctx, ln, handler)
}

// visit is what a cockpit was opened on.
type visit struct {
	cli.CockpitOptions
	snapshot *control.Snapshot
}

// screen is a command line on a terminal.
type screen struct {
	*program
	keyboard *os.File
	visits   []visit

	mu    sync.Mutex
	drawn bytes.Buffer
}

func onTerminal(t *testing.T) *screen {
	t.Helper()
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{program: newProgram(), keyboard: keyboard}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.copy()
	}()
	t.Cleanup(func() {
		_, _ = keyboard.WriteString("\n") // for a question that still waits for its answer
		_ = tty.Close()
		<-done
		_ = keyboard.Close()
	})
	s.Stdin, s.Stdout, s.Stderr = tty, tty, tty
	s.Cockpit = func(ctx context.Context, ctl control.Controller, o cli.CockpitOptions) error {
		snapshot, err := ctl.Snapshot(ctx)
		s.visits = append(s.visits, visit{o, snapshot})
		return err
	}
	s.env["XDG_STATE_HOME"] = t.TempDir()
	s.env["ROCKSTAR_SOCKET"] = filepath.Join(socketDir(t), "control.sock")
	return s
}

func (s *screen) copy() {
	buf := make([]byte, 4096)
	for {
		n, err := s.keyboard.Read(buf)
		s.mu.Lock()
		s.drawn.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// waitFor waits until the terminal has shown text, and returns all it has.
func (s *screen) waitFor(t *testing.T, text string) string {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		s.mu.Lock()
		drawn := s.drawn.String()
		s.mu.Unlock()
		if strings.Contains(drawn, text) {
			return drawn
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Fatalf("the terminal shows %q, want %q", &s.drawn, text)
	return ""
}

func (s *screen) shutDown(t *testing.T) {
	t.Helper()
	if code := s.run(t, "shutdown", "--yes"); code != 0 {
		t.Errorf("shutdown: exit code %d", code)
	}
}

func TestTheCockpitStartsARuntimeThatOutlivesIt(t *testing.T) {
	t.Setenv(stubMode, "ready")
	s := onTerminal(t)
	file := filepath.Join(t.TempDir(), "my.yaml")
	if code := s.run(t, "-c", file, "--theme", "light"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	defer s.shutDown(t)
	s.waitFor(t, "The runtime keeps running")
	if len(s.visits) != 1 {
		t.Fatalf("%d cockpits, want 1", len(s.visits))
	}
	v := s.visits[0]
	if !v.OwnsRuntime || v.Embedded || v.ReadOnly || v.Theme != "light" || v.Target != s.env["ROCKSTAR_SOCKET"] {
		t.Errorf("got %+v", v.CockpitOptions)
	}
	if v.snapshot.Config.Path != file || v.snapshot.PID == os.Getpid() {
		t.Errorf("config %q, pid %d; want %q and a process of its own", v.snapshot.Config.Path, v.snapshot.PID, file)
	}
	if want := `leader=true terminal=false,false pipe=""`; v.snapshot.Host != want {
		t.Errorf("born with %s, want %s", v.snapshot.Host, want)
	}
	info, err := os.Stat(v.LogFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log file: %v, %v; want mode 0600", info, err)
	}

	// The next one finds it.
	if code := s.run(t, "-c", file, "--read-only", "--no-color"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if v := s.visits[1]; v.OwnsRuntime || !v.ReadOnly || !v.NoColor || v.snapshot.Role != control.RoleViewer {
		t.Errorf("got %+v, role %s", v.CockpitOptions, v.snapshot.Role)
	}
	// And does not show another config than the one asked for.
	if code := s.run(t, "-c", "other.yaml"); code != 4 {
		t.Errorf("exit code %d, want 4", code)
	}
	shown := s.waitFor(t, "other.yaml")
	if !strings.Contains(shown, "runs "+file) || !strings.Contains(shown, "rockstar-tui attach") || !strings.Contains(shown, "--socket") {
		t.Errorf("the message names not both configs and the cures: %s", shown)
	}
	if code := s.run(t, "--embedded"); code != 4 {
		t.Errorf("--embedded beside a runtime: exit code %d, want 4", code)
	}
}

func TestTwoCockpitsStartOneRuntime(t *testing.T) {
	t.Setenv(stubMode, "too late")
	s := onTerminal(t)
	// The other one's runtime answers when ours has been told that it is too late.
	go func() {
		for {
			if logs, _ := filepath.Glob(filepath.Join(s.env["XDG_STATE_HOME"], "rockstar-tui", "*.log")); len(logs) > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		ln, err := socket.Listen(s.env["ROCKSTAR_SOCKET"])
		if err != nil {
			t.Error(err)
			return
		}
		if err := control.Serve(t.Context(), ln, control.Handler(controltest.NewFake(scene()), control.HandlerOptions{})); err != nil {
			t.Error(err)
		}
	}()
	if code := s.run(t); code != 0 || len(s.visits) != 1 || s.visits[0].OwnsRuntime {
		t.Errorf("exit code %d, visits %+v; want a cockpit on the other's runtime", code, s.visits)
	}
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	for _, tt := range []struct {
		mode string
		code int
		want []string
	}{
		{"bad config", 78, []string{"my.yaml:2:1: listenrs: unknown key"}},
		{"crash", 1, []string{"ended before it was ready: exit status 9", `panic: out of luck \x1b[2J`, "its log is "}},
		{"hang", 1, []string{"not ready within 1.2s", "starting a runtime, 1s"}},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			t.Setenv(stubMode, tt.mode)
			s := onTerminal(t)
			s.StartWithin(1200 * time.Millisecond)
			if tt.mode != "hang" {
				s.StartWithin(10 * time.Second)
			}
			if code := s.run(t, "-c", "my.yaml"); code != tt.code || len(s.visits) > 0 {
				t.Errorf("exit code %d, %d cockpits; want %d and none", code, len(s.visits), tt.code)
			}
			for _, want := range tt.want {
				s.waitFor(t, want)
			}
		})
	}
}

func TestTheCockpitNeedsATerminalAndARuntime(t *testing.T) {
	p := newProgram()
	p.env["ROCKSTAR_SOCKET"] = filepath.Join(socketDir(t), "none.sock")
	for _, args := range [][]string{{}, {"attach"}, {"--embedded"}} {
		if code := p.run(t, args...); code != 2 || !strings.Contains(p.stderr.String(), "rockstar-tui serve") || strings.Count(p.stderr.String(), "\n") != 1 {
			t.Errorf("%q: exit code %d, stderr %s; want 2 and one line that names serve", args, code, &p.stderr)
		}
	}
	s := onTerminal(t)
	for _, args := range [][]string{{"attach"}, {"attach", "/nonexistent/x.sock"}, {"--read-only"}} {
		if code := s.run(t, args...); code != 3 {
			t.Errorf("%q: exit code %d, want 3", args, code)
		}
	}
	if code := s.run(t, "attach", "ssh://host"); code != 1 {
		t.Errorf("attach ssh://host: exit code %d, want 1", code)
	}
	s.waitFor(t, "ssh targets are not supported by this version")
}

func TestAttachShowsWhatRuns(t *testing.T) {
	s := onTerminal(t)
	path := serve(t, controltest.NewFake(scene()))
	s.env["NO_COLOR"] = "1"
	if code := s.run(t, "attach", path); code != 0 || len(s.visits) != 1 {
		t.Fatalf("exit code %d, %d cockpits", code, len(s.visits))
	}
	if v := s.visits[0]; v.OwnsRuntime || v.Target != path || !v.NoColor || v.snapshot.Generation != 7 {
		t.Errorf("got %+v", v)
	}
}

func TestEmbeddedKeepsBothInOneProcess(t *testing.T) {
	s := onTerminal(t)
	var so cli.ServeOptions
	var co cli.CockpitOptions
	s.Embedded = func(_ context.Context, a cli.ServeOptions, b cli.CockpitOptions) error {
		so, co = a, b
		a.Ready()
		return nil
	}
	if code := s.run(t, "--embedded", "--read-only", "-c", "/etc/my.yaml"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if so.ConfigPath != "/etc/my.yaml" || so.Socket != s.env["ROCKSTAR_SOCKET"] || !co.Embedded || !co.ReadOnly {
		t.Errorf("got %+v and %+v", so, co)
	}
	s.Embedded = func(context.Context, cli.ServeOptions, cli.CockpitOptions) error {
		return config.Errors{{Message: "bad"}}
	}
	if code := s.run(t, "--embedded"); code != 78 {
		t.Errorf("bad config: exit code %d, want 78", code)
	}
}

func TestShutdownTakesNothingButYes(t *testing.T) {
	s := onTerminal(t)
	fake := controltest.NewFake(scene())
	s.env["ROCKSTAR_SOCKET"] = serve(t, fake)
	for _, answer := range []string{"\n", "n\n", "yup\n"} {
		if _, err := s.keyboard.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		if code := s.run(t, "shutdown"); code != 1 || len(fake.Actions()) > 0 {
			t.Fatalf("%q: exit code %d, actions %v; want 1 and none", answer, code, fake.Actions())
		}
	}
	s.waitFor(t, "Stop 3 listeners and end the runtime, pid 4242? 9 connections will be drained. [y/N]")
	if _, err := s.keyboard.WriteString("y\n"); err != nil {
		t.Fatal(err)
	}
	if code := s.run(t, "shutdown"); code != 0 || len(fake.Actions()) != 1 {
		t.Errorf("y: exit code %d, actions %v; want 0 and one", code, fake.Actions())
	}
}

func TestCtrlCAtTheQuestionIsNo(t *testing.T) {
	s := onTerminal(t)
	fake := controltest.NewFake(scene())
	s.env["ROCKSTAR_SOCKET"] = serve(t, fake)
	ctx, cancel := context.WithCancelCause(t.Context())
	code := make(chan int, 1)
	go func() { code <- s.Run(ctx, []string{"shutdown"}) }()
	s.waitFor(t, "[y/N]")
	cancel(errors.New("interrupted"))
	if c := <-code; c != 1 || len(fake.Actions()) > 0 {
		t.Errorf("exit code %d, actions %v; want 1 and none", c, fake.Actions())
	}
}

func TestProgressIsShownOnATerminal(t *testing.T) {
	s := onTerminal(t)
	rt := &slow{controltest.NewFake(scene()), make(chan struct{}), func(s *control.Snapshot) {
		s.Listeners[2].State, s.Listeners[2].WorkersWanted = control.StateDegraded, 4
	}}
	s.env["ROCKSTAR_SOCKET"] = serve(t, rt)
	code := make(chan int, 1)
	go func() { code <- s.Run(t.Context(), []string{"scale", "web", "4"}) }()
	s.waitFor(t, "web is degraded, 2 of 4 workers ready")
	then := scene()
	then.Generation, then.Listeners[2].WorkersWanted, then.Listeners[2].WorkersReady = 8, 4, 4
	rt.Set(then)
	if c := <-code; c != 0 {
		t.Errorf("exit code %d", c)
	}
}

func TestUnsetAsksOnATerminal(t *testing.T) {
	s := onTerminal(t)
	rt := &removing{Fake: controltest.NewFake(scene()), action: "remove", costs: 6}
	s.env["ROCKSTAR_SOCKET"] = serve(t, rt)
	for _, step := range []struct {
		answer        string
		code, applied int
	}{{"n\n", 1, 0}, {"y\n", 0, 1}} {
		if _, err := s.keyboard.WriteString(step.answer); err != nil {
			t.Fatal(err)
		}
		if code := s.run(t, "unset", "listeners.trial"); code != step.code || len(rt.applied) != step.applied {
			t.Errorf("%q: exit code %d, applied %v; want %d and %d", step.answer, code, rt.applied, step.code, step.applied)
		}
	}
	s.waitFor(t, "trial: remove, 6 connections drained. Do it? [y/N]")
	if base := rt.applied[0].Base; base != 7 {
		t.Errorf("applied on generation %d, want that of the plan, 7", base)
	}
}

func TestTheCockpitIsNotShownOnADumbTerminal(t *testing.T) {
	s := onTerminal(t)
	s.env["ROCKSTAR_SOCKET"] = serve(t, controltest.NewFake(scene()))
	s.env["TERM"] = "dumb"
	for _, args := range [][]string{{}, {"attach"}, {"--embedded"}} {
		if code := s.run(t, args...); code != 2 || len(s.visits) > 0 {
			t.Errorf("%q: exit code %d, visits %v; want 2 and none", args, code, s.visits)
		}
	}
	s.waitFor(t, "this terminal (TERM=dumb) cannot show the cockpit; use rockstar-tui status --watch\r\n")
}

func TestAPlanFitsItsTerminal(t *testing.T) {
	s := onTerminal(t)
	s.env["ROCKSTAR_SOCKET"] = serve(t, longPlan{controltest.NewFake(scene())})
	if err := pty.Setsize(s.keyboard, &pty.Winsize{Rows: 24, Cols: 90}); err != nil {
		t.Fatal(err)
	}
	if code := s.run(t, "plan", "set", "listeners.web.x", "1"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	shown := s.waitFor(t, "rebind\r\n")
	for line := range strings.SplitSeq(shown, "\n") {
		if len(strings.TrimSpace(line)) > 90 {
			t.Errorf("wider than 90 columns: %q", line)
		}
	}
	p := newProgram()
	p.env = s.env
	p.run(t, "plan", "set", "listeners.web.x", "1")
	if !strings.Contains(p.stdout.String(), strings.Repeat("b", 250)) {
		t.Errorf("a script does not get all: %s", &p.stdout)
	}
}

// longPlan has values that are longer than any line.
type longPlan struct{ *controltest.Fake }

func (longPlan) Plan(context.Context, control.Change) (*control.Plan, error) {
	return &control.Plan{Generation: 7, Summary: "web: rebind", Changes: []config.Change{
		{Path: "listeners.web.address", From: ":8080", To: ":9090", Effect: config.Rebind},
		{Path: "listeners.web.routes", From: strings.Repeat("a", 250), To: strings.Repeat("b", 250), Effect: config.Rebind},
	}}, nil
}
