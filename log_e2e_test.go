//go:build unix

package main

import (
	"bufio"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serveInto starts a headless runtime that writes its log into a pipe of the
// test's own, and returns its end to read from.
func (p *place) serveInto(prepare func(w *os.File)) (log *os.File, ended <-chan error, terminate func()) {
	p.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { r.Close() })
	prepare(w)
	cmd := p.command("serve", "-c", p.config)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	w.Close()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait(); close(done) }()
	p.t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
	})
	p.await("an answer of the runtime", func() bool { _, _, code := p.run("status"); return code == 0 })
	return r, done, func() { cmd.Process.Signal(syscall.SIGTERM) }
}

// endsWell waits for the runtime's end, which has to be a clean one.
func endsWell(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it did not end within 30s of SIGTERM")
	}
}

func (p *place) awaitProblem(code string) {
	p.t.Helper()
	p.await("the problem "+code, func() bool {
		for _, problem := range p.status().Problems {
			if problem.Code == code {
				return true
			}
		}
		return false
	})
}

// TestTheReaderOfTheLogMayLeave: serve | head -2.
func TestTheReaderOfTheLogMayLeave(t *testing.T) {
	p := newPlace(t)
	log, ended, terminate := p.serveInto(func(*os.File) {})
	line, err := bufio.NewReader(log).ReadString('\n')
	if err != nil || line == "" {
		t.Fatalf("no log: %v", err)
	}
	log.Close()
	p.must("set", "listeners.web.timeouts.idle", "7s")
	p.must("scale", "web", "2")
	p.awaitProblem("log.dropped")
	if w := p.web(); w.WorkersReady != 2 || w.Timeouts.Idle != "7s" {
		t.Errorf("got %d workers and idle %s", w.WorkersReady, w.Timeouts.Idle)
	}
	terminate()
	endsWell(t, ended)
}

func TestALogThatNobodyReadsHoldsUpNothing(t *testing.T) {
	p := newPlace(t)
	_, ended, terminate := p.serveInto(func(w *os.File) {
		fd := int(w.Fd())
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := unix.Write(fd, make([]byte, 1)); err != nil {
				break // full
			}
		}
		if err := unix.SetNonblock(fd, false); err != nil {
			t.Fatal(err)
		}
	})
	for _, workers := range []string{"2", "3", "1"} {
		p.must("scale", "web", workers)
	}
	if code := p.must("status"); code == "" {
		t.Error("no status")
	}
	terminate()
	endsWell(t, ended)
}
