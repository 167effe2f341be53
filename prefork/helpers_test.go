//go:build unix

package prefork_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/prefork"
)

// patience is how long anything in these tests may take.
const patience = 15 * time.Second

// rig is a group under test and what it told.
type rig struct {
	*prefork.Group
	t       *testing.T
	sockets *sockets

	mu     sync.Mutex
	events []prefork.Event
	folded map[int]int // calls by worker id
	served uint64      // folded
	passed uint64      // folded
}

func newRig(t *testing.T, change func(*prefork.Config)) *rig {
	t.Helper()
	s, err := openSockets()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, sockets: s, folded: map[int]int{}}
	cfg := prefork.Config{
		Name: "web", Sockets: s, MemorySize: countsSize, Settings: orders{Version: "a"}.bytes(),
		DrainTimeout: 5 * time.Second, OnEvent: r.event, Fold: r.fold,
	}
	if change != nil {
		change(&cfg)
	}
	r.Group = prefork.NewGroup(cfg)
	t.Cleanup(func() {
		r.Kill()
		s.close()
		for _, e := range r.drainSent() {
			if strings.Contains(e.Tail, "DATA RACE") {
				t.Errorf("a race in a worker: %s", e.Tail)
			}
		}
		if t.Failed() {
			for _, e := range r.drainSent() {
				t.Log(e.Time.Format("05.000"), e.Level, e.Message, e.Tail)
			}
		}
	})
	return r
}

func (r *rig) event(e prefork.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *rig) fold(id int, memory []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.folded[id]++
	if memory != nil {
		r.served += countsOf(memory).Served.Load()
		r.passed += countsOf(memory).Passed.Load()
	}
}

// told returns the events so far.
func (r *rig) drainSent() []prefork.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// count of events in this state.
func (r *rig) count(s prefork.State) int {
	n := 0
	for _, e := range r.drainSent() {
		if e.State == s {
			n++
		}
	}
	return n
}

// totals of all workers that are or were.
func (r *rig) totals() (served, passed uint64) {
	r.Sample(func(all []prefork.Sample) {
		r.mu.Lock()
		defer r.mu.Unlock()
		served, passed = r.served, r.passed
		for _, s := range all {
			if s.Memory != nil {
				served += countsOf(s.Memory).Served.Load()
				passed += countsOf(s.Memory).Passed.Load()
			}
		}
	})
	return served, passed
}

func (r *rig) resize(n int) {
	r.t.Helper()
	if err := r.Resize(context.Background(), n); err != nil {
		r.t.Fatal(err)
	}
}

// ready returns the ready workers, by id.
func (r *rig) ready() []prefork.Status {
	return slices.DeleteFunc(r.Workers(), func(s prefork.Status) bool { return s.State != prefork.Ready })
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// ask makes one connection, says line and returns the answer: pid and version.
// It never tries again.
func ask(addr, line string) (pid int, version string, err error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	return say(c, line)
}

func say(c net.Conn, line string) (pid int, version string, err error) {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(c, line); err != nil {
		return 0, "", err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return 0, "", fmt.Errorf("after %q: %w", answer, err)
	}
	p, version, _ := strings.Cut(strings.TrimSpace(answer), " ")
	pid, err = strconv.Atoi(p)
	return pid, version, err
}

func (r *rig) ask(line string) (pid int, version string) {
	r.t.Helper()
	pid, version, err := ask(r.sockets.addr, line)
	if err != nil {
		r.t.Fatal(err)
	}
	return pid, version
}

// load is a number of clients that connect, ask and never try again.
type load struct {
	quit   chan struct{}
	wg     sync.WaitGroup
	ok     atomic.Int64
	failed atomic.Int64
	first  atomic.Value // of the errors
}

func startLoad(addr string, clients int) *load {
	l := &load{quit: make(chan struct{})}
	for range clients {
		l.wg.Go(func() {
			for {
				select {
				case <-l.quit:
					return
				default:
				}
				if _, _, err := ask(addr, "get"); err != nil {
					l.failed.Add(1)
					l.first.CompareAndSwap(nil, err.Error())
				} else {
					l.ok.Add(1)
				}
			}
		})
	}
	return l
}

func (l *load) stop() (ok, failed int64) {
	close(l.quit)
	l.wg.Wait()
	return l.ok.Load(), l.failed.Load()
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

const (
	sigCont = syscall.SIGCONT
	sigKill = syscall.SIGKILL
	sigTerm = syscall.SIGTERM
)

func signalTo(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("signal %v to %d: %v", sig, pid, err)
	}
}

func sessionOf(t *testing.T, pid int) int {
	t.Helper()
	sid, err := unix.Getsid(pid)
	if err != nil {
		t.Fatal(err)
	}
	return sid
}

// stop suspends a process and waits until each of its threads has stopped: until
// then it may go on accepting.
func stop(t *testing.T, pid int) {
	t.Helper()
	signalTo(t, pid, syscall.SIGSTOP)
	until(t, "the process has stopped", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, name := range threads {
			stat, err := os.ReadFile(name)
			if err == nil && !strings.Contains(string(stat), ") T ") {
				return false
			}
		}
		return true
	})
}

// last is where connections go now.
func (s *sockets) last() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steered) == 0 {
		return []int{0}
	}
	return s.steered[len(s.steered)-1]
}
