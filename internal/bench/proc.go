//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The servers have one core, the load and the backend the other.
const (
	serverCore = "0"
	loadCore   = "1"
)

// server is a running peer.
type server struct {
	*peer
	ports
	cmd *exec.Cmd
	dir string
	log bytes.Buffer
}

// start runs a peer on free ports and waits until it serves.
func (b *bench) start(ctx context.Context, p *peer, core string, backend int, tls bool) (*server, error) {
	s := &server{peer: p, ports: ports{clear: freePort(), backend: backend}}
	if tls {
		s.tls = freePort()
	}
	var err error
	if s.dir, err = os.MkdirTemp(b.dir, "run"); err != nil {
		return nil, err
	}
	os.Chmod(s.dir, 0o755)
	for name, text := range p.files(s.ports, b.dir) {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	s.cmd = exec.Command("taskset", append([]string{"-c", core, p.path}, p.args...)...)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "XDG_DATA_HOME="+s.dir)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("start %s: %w\n%s", p.name, err, s.log.String())
	}
	return s, nil
}

func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, port := range []int{s.clear, s.tls} {
		for port != 0 {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				c.Close()
				break
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// stop ends the server and waits for it.
func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	patience := time.AfterFunc(5*time.Second, func() {
		for _, pid := range family(s.cmd.Process.Pid) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	defer patience.Stop()
	s.cmd.Wait()
}

func freePort() int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// family are a process and those below it.
func family(pid int) []int {
	all := []int{pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range tasks {
		text, _ := os.ReadFile(name)
		for _, child := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				all = append(all, family(n)...)
			}
		}
	}
	return all
}

// cpu is the time that the server's processes have run so far, in user and
// system mode together. The scheduler's own account is exact to the nanosecond,
// utime and stime to a hundredth of a second.
func (s *server) cpu() time.Duration {
	var sum time.Duration
	for _, pid := range family(s.cmd.Process.Pid) {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, name := range tasks {
			text, _ := os.ReadFile(name)
			if fields := strings.Fields(string(text)); len(fields) > 0 {
				ns, _ := strconv.ParseInt(fields[0], 10, 64)
				sum += time.Duration(ns)
			}
		}
	}
	return sum
}

// memory that the server's processes hold, pages they share counted once, in KiB.
func (s *server) memory() float64 {
	var sum float64
	for _, pid := range family(s.cmd.Process.Pid) {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
				sum += kib
			}
		}
	}
	return sum
}
