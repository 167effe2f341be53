//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inheriting is the environment variable that has the test binary become a
// runtime which inherits the children of others, as the first process of a
// container does, and which has two already.
const inheriting = "ROCKSTAR_TEST_INHERITING"

func init() {
	program := os.Getenv(inheriting)
	if program == "" {
		return
	}
	os.Unsetenv(inheriting)
	err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	if err == nil {
		err = exec.Command("/bin/sh", "-c", "sleep 0.2 & sleep 0.1 &").Start()
	}
	if err == nil {
		err = syscall.Exec(program, append([]string{program}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestChildrenOfOthersAreReaped(t *testing.T) {
	p := newPlace(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "serve", "-c", p.config)
	cmd.Env, cmd.Dir = append(p.env, inheriting+"="+binary), p.dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM) })
	p.await("an answer of the runtime", func() bool { _, _, code := p.run("status"); return code == 0 })
	p.await("the shell to be reaped", func() bool { return zombies(cmd.Process.Pid) == 0 })
	// Its own are still counted by how they end.
	victim := p.web().Workers[0].PID
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.await("the replacement", func() bool {
		w := p.web().Workers[0]
		return w.PID != victim && w.LastExit == "signal: killed"
	})
	cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		cmd.Process.Kill()
		t.Error("it did not end")
	}
}

// zombies counts the children of a process that have ended and are not waited for.
func zombies(parent int) (n int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range all {
		text, _ := os.ReadFile(name)
		if fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])); len(fields) > 1 && fields[0] == "Z" && fields[1] == fmt.Sprint(parent) {
			n++
		}
	}
	return n
}
