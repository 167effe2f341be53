//go:build unix

package prefork_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestWorkersOfAKilledMasterFinishAndExit(t *testing.T) {
	t.Parallel()
	master, addr, pids := startMaster(t, os.Args[0])
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := say(c, "greet"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	master.Process.Kill()
	master.Wait()
	until(t, "the idle worker is gone", func() bool { return living(pids) == 1 })
	// Of this, 30ms are its drain.
	t.Logf("the idle worker was gone %s after the master", time.Since(began))
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Errorf("the request under way was cut: %v", err)
	}
	if pid, _ := strconv.Atoi(strings.Fields(answer + " none")[0]); !pids[pid] {
		t.Errorf("the answer is %q, not by one of %v", answer, pids)
	}
	until(t, "both are gone", func() bool { return living(pids) == 0 })
}

func living(pids map[int]bool) int {
	n := 0
	for pid := range pids {
		if alive(pid) {
			n++
		}
	}
	return n
}

// startMaster runs program as a master of two workers and returns where they
// listen and their pids.
func startMaster(t *testing.T, program string) (master *exec.Cmd, addr string, pids map[int]bool) {
	t.Helper()
	master = exec.Command(program)
	master.Env = append(os.Environ(), "PREFORK_TEST_MASTER=1")
	out, err := master.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	master.Stderr = os.Stderr
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Process.Kill(); master.Wait() })
	var lines []string
	for scan := bufio.NewScanner(out); scan.Scan() && scan.Text() != "up"; {
		lines = append(lines, scan.Text())
	}
	if len(lines) != 3 {
		t.Fatalf("the master said %q", lines)
	}
	pids = map[int]bool{}
	for _, l := range lines[1:] {
		pid, _ := strconv.Atoi(l)
		pids[pid] = true
	}
	return master, lines[0], pids
}

// An upgrade on disk must not mix versions, nor leave a master without workers.
//
// It is not parallel: a fork meanwhile would hold the new file open for writing.
func TestWorkersStartFromTheRunningProgram(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("needs /proc/self/exe")
	}
	program := t.TempDir() + "/program"
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, b, 0o700); err != nil {
		t.Fatal(err)
	}
	_, addr, pids := startMaster(t, program)
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	for pid := range pids {
		signalTo(t, pid, sigKill)
	}
	until(t, "both are gone", func() bool { return living(pids) == 0 })
	// Their sockets are still there, so this waits for a replacement.
	pid, _, err := ask(addr, "get")
	if err != nil || pids[pid] {
		t.Errorf("answer of %d, %v; want one of a new worker", pid, err)
	}
}
