//go:build linux || darwin

package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

// The test binary is also the program under test: with this variable set it is
// a cockpit on a fake runtime.
const cockpitScene = "TEST_COCKPIT_SCENE"

func TestMain(m *testing.M) {
	if scene := os.Getenv(cockpitScene); scene != "" {
		os.Exit(cockpit(scene))
	}
	os.Exit(m.Run())
}

// panicking is a runtime whose answers kill who asks.
type panicking struct{ *controltest.Fake }

func (panicking) Plan(context.Context, control.Change) (*control.Plan, error) {
	panic("a plan too far")
}

func cockpit(scene string) int {
	if _, set := os.LookupEnv("CI"); set {
		fmt.Println("the variable CI was left behind")
		return 3
	}
	fake := controltest.NewFake(controltest.Scene(scene))
	outcome, err := Run(context.Background(), panicking{fake}, Options{Target: "pty"})
	fmt.Printf("outcome %v, error %v\n", outcome, err)
	if err != nil {
		return 1
	}
	return 0
}

// show is a cockpit in a terminal that never answers a question.
type show struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File
	before *term.State
	exited chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
	screen *vt.Emulator
	wrote  chan struct{} // gets a token whenever there is new output
}

func startShow(t *testing.T, scene string, env ...string) *show {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	s := &show{t: t, master: pollable(t, master), slave: slave, exited: make(chan struct{}),
		screen: vt.NewEmulator(80, 24), wrote: make(chan struct{}, 1)}
	if s.before, err = term.GetState(slave.Fd()); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append([]string{"GORACE=atexit_sleep_ms=10", cockpitScene + "=" + scene, "TERM=xterm-256color", "LANG=C.UTF-8",
		"HOME=" + t.TempDir(), "XDG_CACHE_HOME=" + t.TempDir()}, env...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read, mute := make(chan struct{}), make(chan struct{})
	go func() { defer close(read); s.read() }()
	// What the emulator would answer is thrown away; unread, it would wait.
	go func() { defer close(mute); _, _ = io.Copy(io.Discard, s.screen) }()
	go func() { _ = s.cmd.Wait(); close(s.exited) }() // its state is looked at by who wants to know
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.exited
		slave.Close()
		s.master.Close()
		<-read
		_ = s.screen.InputPipe().(io.Closer).Close() // not the emulator's own Close, which races with its Read
		<-mute
	})
	return s
}

// pollable returns f as a file whose Close ends a Read under way.
func pollable(t *testing.T, f *os.File) *os.File {
	t.Helper()
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), f.Name())
}

func (s *show) read() {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.master.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.output.Write(buf[:n])
		_, _ = s.screen.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.wrote <- struct{}{}:
		default:
		}
	}
}

func (s *show) bytes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

func (s *show) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

const patience = 10 * time.Second

// until waits for a text on the screen, or off it.
func (s *show) until(text string) {
	s.t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(s.text(), text) {
		select {
		case <-s.wrote:
		case <-deadline:
			s.t.Fatalf("%q did not appear within %v; the screen:\n%s", text, patience, s.text())
		}
	}
}

func (s *show) keys(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// over waits for the end of the program and returns its exit code.
func (s *show) over() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatalf("still running after %v; the screen:\n%s", patience, s.text())
	}
	return s.cmd.ProcessState.ExitCode()
}

// restored fails unless the terminal is as it was.
func (s *show) restored() {
	s.t.Helper()
	s.until("outcome ")
	after, err := term.GetState(s.slave.Fd())
	if err != nil {
		s.t.Fatal(err)
	}
	if !reflect.DeepEqual(s.before, after) {
		s.t.Errorf("terminal settings are %+v, were %+v", after, s.before)
	}
	out := s.bytes()
	for _, mode := range []struct{ name, on, off string }{
		{"alternate screen", "\x1b[?1049h", "\x1b[?1049l"},
		{"hidden cursor", "\x1b[?25l", "\x1b[?25h"},
		{"bracketed paste", "\x1b[?2004h", "\x1b[?2004l"},
		{"synchronized output", "\x1b[?2026h", "\x1b[?2026l"},
	} {
		if on, off := strings.LastIndex(out, mode.on), strings.LastIndex(out, mode.off); on < 0 || off < on {
			s.t.Errorf("%s was left on, or never on", mode.name)
		}
	}
	for _, mouse := range []string{"1000", "1002", "1003", "1006"} {
		if strings.Contains(out, "\x1b[?"+mouse+"h") {
			s.t.Errorf("mouse mode %s was switched on", mouse)
		}
	}
}

// A terminal that answers no question must not be asked any: that would cost
// seconds with each start.
func TestFirstFrameComesAtOnceAndAsksNothing(t *testing.T) {
	start := time.Now()
	s := startShow(t, "busy")
	s.until("127.0.0.1:8080")
	took := time.Since(start)
	t.Logf("first frame after %v", took)
	if took > 2*time.Second {
		t.Errorf("first frame after %v, want well below 2s", took)
	}
	out := s.bytes()
	for _, question := range []string{"]11;?", "]10;?", "\x1b[6n", "\x1b[c"} {
		if strings.Contains(out, question) {
			t.Errorf("the terminal was asked %q", question)
		}
	}
	if n := len(out); n > 6<<10 {
		t.Errorf("the first paint has %d bytes, want at most 6 KiB", n)
	}
	if !strings.HasPrefix(strings.TrimSpace(s.text()), "rockstar-tui") {
		t.Errorf("the screen does not begin with the header:\n%s", s.text())
	}
}

func TestTerminalIsRestored(t *testing.T) {
	signal := func(sig os.Signal) func(*show) {
		return func(s *show) {
			if err := s.cmd.Process.Signal(sig); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	for name, end := range map[string]func(*show){
		"q":       func(s *show) { s.keys("q") },
		"ctrl+c":  func(s *show) { s.keys("\x03") },
		"SIGTERM": signal(syscall.SIGTERM),
		"SIGHUP":  signal(syscall.SIGHUP),
		"SIGINT":  signal(syscall.SIGINT),
		"resized and in a form": func(s *show) {
			s.keys("t")
			s.until("timeouts of")
			if err := pty.Setsize(s.slave, &pty.Winsize{Rows: 12, Cols: 40}); err != nil {
				s.t.Fatal(err)
			}
			signal(syscall.SIGTERM)(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startShow(t, "busy")
			s.until("127.0.0.1:8080")
			end(s)
			if code := s.over(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			s.restored()
			s.until("outcome detached, error <nil>")
		})
	}
}

func TestPanicRestoresTheTerminalAndNamesItsReport(t *testing.T) {
	cache := t.TempDir()
	s := startShow(t, "busy", "XDG_CACHE_HOME="+cache, "HOME="+cache)
	s.until("127.0.0.1:8080")
	s.keys("+")
	if code := s.over(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	s.restored()
	line := strings.Join(strings.Fields(s.text()), "")
	if !strings.Contains(line, "aplantoofar") || !strings.Contains(line, strings.ReplaceAll(cache, " ", "")) {
		t.Errorf("after the end the screen does not name the panic and its report:\n%s", s.text())
	}
}

func TestHangUpEndsTheCockpit(t *testing.T) {
	s := startShow(t, "busy")
	s.until("127.0.0.1:8080")
	s.slave.Close()
	if err := s.master.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	s.over()
}

func TestNothingIsSentWhileNothingChanges(t *testing.T) {
	s := startShow(t, "idle")
	s.until("127.0.0.1:8080")
	s.settle()
	before := len(s.bytes())
	quiet := time.After(2500 * time.Millisecond)
	select {
	case <-s.wrote:
		t.Errorf("%d bytes were sent: %q", len(s.bytes())-before, s.bytes()[before:])
	case <-quiet:
	}
}

// settle waits until the first frames are through: half a second without output.
func (s *show) settle() {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case <-s.wrote:
		case <-time.After(500 * time.Millisecond):
			return
		case <-deadline:
			s.t.Fatal("the screen does not come to rest")
		}
	}
}

func TestWindowMayChangeItsSize(t *testing.T) {
	s := startShow(t, "busy")
	s.until("127.0.0.1:8080")
	for _, size := range []pty.Winsize{{Rows: 5, Cols: 20}, {Rows: 50, Cols: 200}, {Rows: 12, Cols: 40}, {Rows: 24, Cols: 80}} {
		s.mu.Lock()
		s.screen.Resize(int(size.Cols), int(size.Rows))
		s.mu.Unlock()
		if err := pty.Setsize(s.slave, &size); err != nil {
			t.Fatal(err)
		}
	}
	s.until("ACT/IDLE")
	s.until("? help")
}
