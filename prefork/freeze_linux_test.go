package prefork_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/prefork"
)

// TestFrozenAndThawed: a group that finds no successor goes on as if nothing had
// been, and lost nothing meanwhile.
func TestFrozenAndThawed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(3)
	before := r.ready()
	if err := r.Restart(t.Context(), 1); err != nil { // leaves a slot to a backup acceptor
		t.Fatal(err)
	}
	l := startLoad(r.sockets.addr, 8)
	for range 5 {
		f, err := r.Freeze(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n := l.ok.Load()
		until(t, "the workers serve", func() bool { return l.ok.Load() > n+50 })
		r.Thaw(f)
	}
	f, err := r.Freeze(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	victim := before[0].PID
	signalTo(t, victim, sigKill)
	until(t, "it is a zombie", func() bool { return !alive(victim) })
	if got := r.ready(); len(got) != 3 {
		t.Errorf("%d workers are ready in a frozen group, want the 3 there were", len(got))
	}
	r.Thaw(f)
	until(t, "the killed worker is replaced", func() bool {
		now := r.ready()
		return len(now) == 3 && now[0].PID != victim
	})
	ok, _ := l.stop()
	if _, err := r.Call(t.Context(), r.ready()[1].PID, "echo", []byte("x")); err != nil {
		t.Error(err)
	}
	if served, _ := r.totals(); served < uint64(ok) {
		t.Errorf("%d were served by the counters, %d by the clients", served, ok)
	}
	if n := r.folded[0]; n != 1 {
		t.Errorf("the killed worker was folded %d times", n)
	}
}

// TestFreezeOfAWorkerThatDoesNotRead is refused, and the group goes on.
func TestFreezeOfAWorkerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.AckTimeout = 50 * time.Millisecond })
	r.resize(2)
	stopped := r.ready()[0].PID
	stop(t, stopped)
	for range 3 { // fill its control socket
		r.Call(t.Context(), stopped, "echo", make([]byte, 1<<20))
	}
	if f, err := r.Freeze(t.Context()); err == nil {
		t.Error("frozen, though a worker does not read")
		r.Thaw(f)
	}
	until(t, "the worker is replaced", func() bool {
		now := r.ready()
		return len(now) == 2 && now[0].PID != stopped
	})
	r.ask("get")
}

// TestExecKeepsTheWorkers: the master is replaced by another program, here
// itself, twice, under load.
func TestExecKeepsTheWorkers(t *testing.T) {
	t.Parallel()
	m := startExecMaster(t)
	l := startLoad(m.addr, 8)
	held, err := net.Dial("tcp", m.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := fmt.Fprintln(held, "hold 1s"); err != nil {
		t.Fatal(err)
	}
	var last execReport
	for i := range 3 {
		n := l.ok.Load()
		until(t, "there is load", func() bool { return l.ok.Load() > n+100 })
		seen := uint64(l.ok.Load())
		now := m.exec(t)
		if i > 0 && fmt.Sprint(now.PIDs) != fmt.Sprint(last.PIDs) {
			t.Errorf("workers %v after exec, want %v", now.PIDs, last.PIDs)
		}
		if now.Served < seen {
			t.Errorf("%d served after exec, %d were before", now.Served, seen)
		}
		last = now
	}
	if _, err := bufio.NewReader(held).ReadString('\n'); err != nil {
		t.Errorf("the request that was open: %v", err)
	}
	ok, failed := l.stop()
	if failed > 0 {
		t.Errorf("%d of %d failed: %v", failed, ok+failed, l.first.Load())
	}
	t.Logf("%d requests over 3 execs", ok)
	signalTo(t, last.PIDs[0], sigKill)
	until(t, "the successor replaces and reaps a worker", func() bool {
		now := m.report(t)
		return len(now.PIDs) == 2 && now.PIDs[0] != last.PIDs[0] && strings.Contains(now.LastExit, "killed")
	})
	if _, _, err := ask(m.addr, "get"); err != nil {
		t.Error(err)
	}
}

// execMaster is a process that executes itself when told to.
type execMaster struct {
	cmd   *exec.Cmd
	addr  string
	lines *bufio.Scanner
}

type execReport struct {
	PIDs     []int
	Served   uint64
	LastExit string
}

func startExecMaster(t *testing.T) *execMaster {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PREFORK_TEST_MASTER=exec")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m := &execMaster{cmd: cmd, lines: bufio.NewScanner(out)}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	if !m.lines.Scan() {
		t.Fatal("the master says nothing")
	}
	m.addr = m.lines.Text()
	m.next(t)
	return m
}

func (m *execMaster) next(t *testing.T) (r execReport) {
	t.Helper()
	if !m.lines.Scan() {
		t.Fatal("the master says nothing more")
	}
	if err := json.Unmarshal(m.lines.Bytes(), &r); err != nil {
		t.Fatalf("%s: %v", m.lines.Text(), err)
	}
	return r
}

func (m *execMaster) exec(t *testing.T) execReport {
	t.Helper()
	signalTo(t, m.cmd.Process.Pid, syscall.SIGUSR2)
	return m.next(t)
}

func (m *execMaster) report(t *testing.T) execReport {
	t.Helper()
	signalTo(t, m.cmd.Process.Pid, syscall.SIGHUP)
	return m.next(t)
}

// carried is what one program leaves to the next.
type carried struct {
	Addr  string
	Slots []int
	Group *prefork.Frozen
}

func execMain() int {
	cfg := prefork.Config{Name: "exec", MemorySize: countsSize, Settings: orders{Version: "a"}.bytes()}
	g, s, err := execGroup(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGTERM)
	for {
		tell(g)
		switch <-sig {
		case syscall.SIGTERM:
			g.Kill()
			return 0
		case syscall.SIGUSR2:
			fmt.Fprintln(os.Stderr, execAgain(g, s))
			return 1
		}
	}
}

func tell(g *prefork.Group) {
	var r execReport
	g.Each(func(s prefork.Status, memory []byte) {
		if s.State == prefork.Ready {
			r.PIDs = append(r.PIDs, s.PID)
		}
		if memory != nil {
			r.Served += countsOf(memory).Served.Load()
		}
		if s.LastExit != "" {
			r.LastExit = s.LastExit
		}
	})
	line, _ := json.Marshal(r)
	fmt.Println(string(line))
}

// execGroup starts a group, or adopts that of the program before.
func execGroup(cfg prefork.Config) (*prefork.Group, *sockets, error) {
	path := os.Getenv("PREFORK_TEST_STATE")
	if path == "" {
		s, err := openSockets()
		if err != nil {
			return nil, nil, err
		}
		cfg.Sockets = s
		g := prefork.NewGroup(cfg)
		fmt.Println(s.addr)
		if err := g.Resize(context.Background(), 2); err != nil {
			return nil, nil, err
		}
		return g, s, g.Restart(context.Background(), 0) // a slot for a backup acceptor
	}
	defer os.Remove(path)
	var c carried
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return nil, nil, err
	}
	s := &sockets{addr: c.Addr}
	for _, n := range c.Slots {
		ln, err := net.FileListener(os.NewFile(uintptr(n), "slot"))
		if err != nil {
			return nil, nil, err
		}
		s.slots = append(s.slots, ln.(*net.TCPListener))
	}
	cfg.Sockets = s
	g, err := prefork.Adopt(cfg, c.Group)
	return g, s, err
}

// execAgain returns only if it fails.
func execAgain(g *prefork.Group, s *sockets) error {
	f, err := g.Freeze(context.Background())
	if err != nil {
		return err
	}
	c := carried{Addr: s.addr, Group: f}
	for _, ln := range s.slots {
		file, err := ln.File()
		if err != nil {
			return err
		}
		c.Slots = append(c.Slots, int(file.Fd()))
	}
	file, err := os.CreateTemp("", "prefork-state")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(file).Encode(c); err != nil {
		return err
	}
	os.Setenv("PREFORK_TEST_STATE", file.Name())
	for _, n := range append(f.Descriptors(), c.Slots...) {
		unix.FcntlInt(uintptr(n), unix.F_SETFD, 0)
	}
	signal.Ignore(syscall.SIGUSR2, syscall.SIGHUP)
	return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
}
