//go:build unix

package examples_test

import (
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

func TestCockpitShowsTheProgramsOwnListener(t *testing.T) {
	addr := freeAddr(t)
	cmd := exec.Command(filepath.Join(programs, "cockpit"), "-addr", addr, "-workers", "2")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	screen := &output{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(screen, terminal)
	}()
	watchdog := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	eventually(t, "the workers answer", func() bool { return answers(addr) }, screen)
	eventually(t, "the cockpit shows the listener", func() bool {
		return strings.Contains(screen.String(), "main") && strings.Contains(screen.String(), "2/2")
	}, screen)
	if strings.Contains(screen.String(), "INFO ") {
		t.Errorf("the log is written over the screen:\n%s", screen)
	}
	if _, err := terminal.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v\n%s", err, screen)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the port still accepts after the cockpit was left")
	}
	eventually(t, "the log follows the cockpit", func() bool {
		return strings.Contains(screen.String(), "INFO serving on "+addr)
	}, screen)
	terminal.Close()
	<-read
}
