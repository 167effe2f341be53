//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rockstar")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "rockstar-tui")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// place is a directory with a config and a socket of its own.
type place struct {
	t       *testing.T
	dir     string
	config  string
	address string
	env     []string
	program string // what serve starts; binary unless set
}

const fourWorkers = `version: 1
listeners:
  web:
    address: %q
    prefork: {workers: 4}
    timeouts: {shutdown: 10s}
    routes:
      - {match: "GET /hello", respond: {body: "Hello, World!\n"}}
`

func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "rs") // short: a socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &place{t: t, dir: dir, config: filepath.Join(dir, "rockstar.yaml"), address: freeAddress(t)}
	p.env = append(os.Environ(), "ROCKSTAR_SOCKET="+filepath.Join(dir, "control.sock"), "ROCKSTAR_CONFIG=",
		"HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CACHE_HOME="+dir, "XDG_RUNTIME_DIR="+dir, "TERM=xterm-256color", "NO_COLOR=")
	p.write(fmt.Sprintf(fourWorkers, p.address))
	return p
}

func (p *place) write(text string) {
	p.t.Helper()
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	// Below the ports that the system gives to clients, or one of them could take it.
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

func (p *place) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Dir = p.env, p.dir
	return cmd
}

// run runs a command line to its end.
func (p *place) run(args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	cmd := p.command(args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// must run a command line that has to succeed.
func (p *place) must(args ...string) string {
	p.t.Helper()
	out, errOut, code := p.run(args...)
	if code != 0 {
		p.t.Fatalf("rockstar-tui %v: exit %d\n%s%s", args, code, out, errOut)
	}
	return out
}

// serve starts a headless runtime, with more arguments if there are any, and
// waits until it answers. It is ended after the test.
func (p *place) serve(more ...string) *exec.Cmd {
	p.t.Helper()
	cmd := p.command(append([]string{"serve", "-c", p.config}, more...)...)
	if p.program != "" {
		cmd.Path = p.program
	}
	log, err := os.Create(filepath.Join(p.dir, "serve.log"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	p.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			cmd.Process.Kill()
			p.t.Error("serve did not end within 15s of SIGTERM")
		}
		if p.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			p.t.Logf("the runtime's log:\n%s", text)
		}
	})
	p.await("an answer of the runtime", func() bool { _, _, code := p.run("status"); return code == 0 })
	return cmd
}

func (p *place) await(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s did not come within 30s", what)
		}
	}
}

func (p *place) status() control.Snapshot {
	p.t.Helper()
	var s control.Snapshot
	if err := json.Unmarshal([]byte(p.must("status", "--json")), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *place) web() control.ListenerInfo {
	p.t.Helper()
	return p.status().Listeners[0]
}

// cycles is how often the tests below repeat what must lose nothing. More is
// asked for by ROCKSTAR_CYCLES.
func cycles(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("ROCKSTAR_CYCLES"))
	if err != nil {
		return 5
	}
	t.Logf("%d cycles", n)
	return n
}

func TestScaleUnderLoadFailsNoRequest(t *testing.T) {
	p := newPlace(t)
	p.serve()
	ctx, cancel := context.WithCancel(t.Context())
	o := rawclient.Options{Address: p.address, Path: "/hello", Clients: 64, Pause: time.Millisecond}
	kept := rawclient.Start(ctx, o)
	o.Clients, o.Short = 8, true
	short := rawclient.Start(ctx, o)
	for range cycles(t) {
		p.must("scale", "web", "1")
		p.must("scale", "web", "4")
	}
	cancel()
	for kind, r := range map[string]rawclient.Result{"kept alive": kept.Wait(), "short": short.Wait()} {
		t.Logf("%s: %v", kind, r)
		if r.Failed() > 0 || r.Requests < 500 {
			t.Errorf("%s: %v, want at least 500 requests and none failed", kind, r)
		}
	}
	p.await("connections to return to zero", func() bool { w := p.web(); return w.Connections.Active+w.Connections.Idle == 0 })
}

func TestKilledWorkerIsReplacedAndCostsOnlyItsOwnRequests(t *testing.T) {
	p := newPlace(t)
	p.serve()
	ctx, cancel := context.WithCancel(t.Context())
	load := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 64, Pause: time.Millisecond})
	for id := range 4 {
		var victim control.WorkerInfo
		p.await("four workers", func() bool {
			w := p.web()
			if w.WorkersReady != 4 || len(w.Workers) != 4 {
				return false
			}
			victim = w.Workers[id]
			return true
		})
		if err := syscall.Kill(victim.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		p.await("the replacement", func() bool {
			w := p.web()
			return w.WorkersReady == 4 && w.Workers[id].PID != victim.PID
		})
	}
	cancel()
	r := load.Wait()
	t.Log(r)
	// Each kill ends the connections the worker had accepted: of 64 clients,
	// no more than all of them, each once.
	if r.Failed() > 4*64 || r.Failed() == 0 {
		t.Errorf("%d requests failed in 4 kills, want some and at most what the workers had accepted", r.Failed())
	}
	for cause, n := range r.Failures {
		if strings.HasPrefix(cause, "connect:") || strings.HasSuffix(cause, "timeout") {
			t.Errorf("%d × %s, want nobody refused and nobody stranded", n, cause)
		}
	}
}

func TestKilledMasterLeavesNoWorkerBehind(t *testing.T) {
	p := newPlace(t)
	p.write(strings.Replace(fmt.Sprintf(fourWorkers, p.address), "workers: 4", "workers: 4, orphan_timeout: 0s", 1))
	cmd := p.serve()
	workers := p.web().Workers
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		p.await("the end of a worker without a master", func() bool { return syscall.Kill(w.PID, 0) != nil })
	}
	p.await("exit 3", func() bool { _, _, code := p.run("status"); return code == 3 })
}

func TestExitCodesOfARealRuntime(t *testing.T) {
	p := newPlace(t)
	if _, _, code := p.run("status"); code != 3 {
		t.Errorf("status without a runtime: exit %d, want 3", code)
	}
	bad := filepath.Join(p.dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("version: 1\nlisteners:\n  web:\n    adress: ':80'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "-c", bad}, {"config", "validate", bad}, {"serve", "-c", p.dir + "/none.yaml"}} {
		if _, errOut, code := p.run(args...); code != 78 {
			t.Errorf("%v: exit %d, want 78\n%s", args, code, errOut)
		}
	}
	p.serve()
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"status"}, 0},
		{[]string{"set", "listeners.web.timeouts.idle", "9s"}, 0},
		{[]string{"set", "listeners.web.timeouts.idle", "9"}, 6},
		{[]string{"set", "listeners.web.adress", "x"}, 6},
		{[]string{"--read-only", "scale", "web", "2"}, 5},
		{[]string{"scale", "web"}, 2},
		{[]string{"nonsense"}, 2},
		{[]string{"reload"}, 0},
		{[]string{"serve", "-c", p.config}, 4}, // one runs already on this socket
	} {
		if out, errOut, code := p.run(c.args...); code != c.code {
			t.Errorf("%v: exit %d, want %d\n%s%s", c.args, code, c.code, out, errOut)
		}
	}
	p.write("version: 1\nlisteners: {web: 3}\n")
	if _, errOut, code := p.run("reload"); code != 6 || !strings.Contains(errOut, p.config+":2:") {
		t.Errorf("reload of a broken file: exit %d, want 6 and the place\n%s", code, errOut)
	}
}

// terminal runs the program on a terminal of its own.
type terminal struct {
	cmd    *exec.Cmd
	tty    *os.File
	screen chan []byte
	ended  chan struct{}
}

func (p *place) cockpit(args ...string) *terminal {
	p.t.Helper()
	c := &terminal{cmd: p.command(args...), screen: make(chan []byte, 1024), ended: make(chan struct{})}
	var err error
	if c.tty, err = pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(c.screen)
		for {
			b := make([]byte, 4096)
			n, err := c.tty.Read(b)
			if err != nil {
				return
			}
			c.screen <- b[:n]
		}
	}()
	go func() { c.cmd.Wait(); close(c.ended) }()
	p.t.Cleanup(func() {
		c.cmd.Process.Kill()
		c.tty.Close()
		<-c.ended
	})
	return c
}

// see waits until the terminal has been sent text, and returns all it was sent.
func (c *terminal) see(t *testing.T, text string) string {
	t.Helper()
	var all []byte
	timeout := time.After(20 * time.Second)
	for !bytes.Contains(all, []byte(text)) {
		select {
		case b, ok := <-c.screen:
			if !ok {
				t.Fatalf("the cockpit ended before it showed %q:\n%q", text, all)
			}
			all = append(all, b...)
		case <-timeout:
			t.Fatalf("the cockpit did not show %q:\n%q", text, all)
		}
	}
	return string(all)
}

func (c *terminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(c.tty, keys); err != nil {
		t.Fatal(err)
	}
}

// The cockpit starts a runtime that outlives it, whatever end it comes to.
func TestRuntimeOutlivesItsCockpit(t *testing.T) {
	ends := map[string]func(*testing.T, *terminal){
		"killed":          func(_ *testing.T, c *terminal) { c.cmd.Process.Kill() },
		"terminal closed": func(_ *testing.T, c *terminal) { c.tty.Close() },
		"terminated":      func(_ *testing.T, c *terminal) { c.cmd.Process.Signal(syscall.SIGTERM) },
		"hung up":         func(_ *testing.T, c *terminal) { syscall.Kill(-c.cmd.Process.Pid, syscall.SIGHUP) },
		"quit, keep running": func(t *testing.T, c *terminal) {
			c.press(t, "q")
			c.see(t, "keep")
			time.Sleep(400 * time.Millisecond) // a dialog ignores keys at first, so that nobody confirms in their sleep
			c.press(t, "\r")
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			c := p.cockpit("-c", p.config)
			c.see(t, "serving")
			before := p.web()
			if before.WorkersReady != 4 {
				t.Fatalf("%d workers ready, want 4", before.WorkersReady)
			}
			t.Cleanup(func() {
				p.must("shutdown", "--yes")
				p.await("the end of the runtime", func() bool { _, _, code := p.run("status"); return code == 3 })
			})
			ctx, cancel := context.WithCancel(t.Context())
			load := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 8, Pause: time.Millisecond})
			end(t, c)
			select {
			case <-c.ended:
			case <-time.After(10 * time.Second):
				t.Error("the cockpit did not end")
			}
			for n := load.Result().Requests; load.Result().Requests < n+100; {
				time.Sleep(time.Millisecond)
			}
			cancel()
			if r := load.Wait(); r.Failed() > 0 {
				t.Errorf("%v, want no failure", r)
			}
			after := p.web()
			for i, w := range after.Workers {
				if w.PID != before.Workers[i].PID {
					t.Errorf("worker %d was %d and is %d, want the same process", i, before.Workers[i].PID, w.PID)
				}
			}
		})
	}
}

// With --embedded there is one process, and it outlives its screen.
func TestEmbeddedRuntimeOutlivesItsScreen(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *terminal){
		"terminal closed": func(_ *testing.T, c *terminal) { c.tty.Close() },
		"hung up":         func(_ *testing.T, c *terminal) { syscall.Kill(-c.cmd.Process.Pid, syscall.SIGHUP) },
		"quit, keep running": func(t *testing.T, c *terminal) {
			c.press(t, "q")
			c.see(t, "keep")
			time.Sleep(400 * time.Millisecond)
			c.press(t, "\r")
			c.see(t, "serves on without its screen")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			c := p.cockpit("--embedded", "-c", p.config)
			c.see(t, "serving")
			before := p.status()
			if before.PID != c.cmd.Process.Pid {
				t.Fatalf("the runtime is process %d, want the cockpit's own %d", before.PID, c.cmd.Process.Pid)
			}
			ctx, cancel := context.WithCancel(t.Context())
			load := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 8, Pause: time.Millisecond})
			end(t, c)
			for n := load.Result().Requests; load.Result().Requests < n+300; {
				time.Sleep(time.Millisecond)
			}
			cancel()
			if r := load.Wait(); r.Failed() > 0 {
				t.Errorf("%v, want no failure", r)
			}
			if after := p.status(); after.PID != before.PID {
				t.Errorf("process %d answers, want %d", after.PID, before.PID)
			}
			p.must("shutdown", "--yes")
			select {
			case <-c.ended:
			case <-time.After(15 * time.Second):
				t.Error("the process did not end after its shutdown")
			}
		})
	}
}

// ctrl+z and SIGSTOP reach the cockpit's process group; no worker is in it.
func TestStoppedCockpitStopsNoWorker(t *testing.T) {
	p := newPlace(t)
	c := p.cockpit("-c", p.config)
	c.see(t, "serving")
	t.Cleanup(func() { p.must("shutdown", "--yes") })
	syscall.Kill(-c.cmd.Process.Pid, syscall.SIGSTOP)
	defer syscall.Kill(-c.cmd.Process.Pid, syscall.SIGCONT)
	ctx, cancel := context.WithCancel(t.Context())
	load := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 8, Timeout: 5 * time.Second})
	for load.Result().Requests < 500 && load.Result().Failed() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if r := load.Wait(); r.Failed() > 0 {
		t.Errorf("%v, want no failure while the cockpit is stopped", r)
	}
}

// A terminal that answers no question must not delay the start.
func TestStartAsksTheTerminalNothing(t *testing.T) {
	p := newPlace(t)
	p.serve()
	c := p.cockpit("attach")
	if out := c.see(t, "serving"); strings.Contains(out, "]11;?") || strings.Contains(out, "[6n") {
		t.Errorf("the terminal was asked for its background or cursor:\n%q", out)
	}
	began := time.Now()
	out, err := exec.Command("script", "-qec", binary+" version", "/dev/null").CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("no script(1)")
	}
	if strings.Contains(string(out), "]11;?") || time.Since(began) > 4*time.Second {
		t.Errorf("version took %v and printed %q, want no question and no stall of 5s", time.Since(began), out)
	}
}

func TestKeysOfTheCockpitChangeTheRuntime(t *testing.T) {
	p := newPlace(t)
	p.serve()
	c := p.cockpit("attach")
	c.see(t, "serving")
	c.press(t, "+")
	p.await("five workers", func() bool { return p.web().WorkersReady == 5 })
	c.press(t, "s")
	c.see(t, "stop web?")
	time.Sleep(400 * time.Millisecond)
	c.press(t, "\r") // the focus is on cancel
	time.Sleep(100 * time.Millisecond)
	if w := p.web(); !w.Enabled {
		t.Fatal("enter on a fresh question stopped the listener, want cancel")
	}
	c.press(t, "s")
	c.see(t, "stop web?")
	time.Sleep(400 * time.Millisecond)
	c.press(t, "y")
	p.await("the stop", func() bool { return p.web().State == control.StateStopped })
	c.see(t, "stopped")
	c.press(t, "s")
	p.await("the start", func() bool { return p.web().State == control.StateServing })
	c.press(t, "q")
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		t.Error("q did not end the cockpit")
	}
}
