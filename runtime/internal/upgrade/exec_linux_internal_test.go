//go:build linux

package upgrade

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestProgramThatHangsInItsCheckIsEnded, with all that it has started.
func TestProgramThatHangsInItsCheckIsEnded(t *testing.T) {
	was := checkTimeout
	checkTimeout = 300 * time.Millisecond
	defer func() { checkTimeout = was }()
	dir := t.TempDir()
	path := filepath.Join(dir, "program")
	script := "#!/bin/sh\n(sleep 60; touch " + dir + "/late) &\necho $! > " + dir + "/pid\nwait\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := ask(t.Context(), path, leftBehind())
	if err == nil || !strings.Contains(err.Error(), "has not answered the check within 300ms") {
		t.Errorf("error %v, want that it has not answered", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("that took %s", took)
	}
	pid, err := os.ReadFile(dir + "/pid")
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatal("what it had started still runs")
		}
	}
}
