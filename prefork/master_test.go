//go:build unix

package prefork_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestWorkersOfAKilledMasterFinishAndExit(t *testing.T) {
	master := exec.Command(os.Args[0])
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
	addr := lines[0]
	pids := map[int]bool{}
	for _, l := range lines[1:] {
		pid, _ := strconv.Atoi(l)
		pids[pid] = true
	}
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
