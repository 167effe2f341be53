//go:build unix

package cli

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// readyFD is the environment variable that names the pipe's descriptor.
const readyFD = "ROCKSTAR_READY_FD"

// inSessionOfItsOwn detaches the command from the terminal: neither its hang-up
// nor ctrl+c or ctrl+z in it reach the command. It keeps no directory busy.
func inSessionOfItsOwn(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
}

// passPipe hands the pipe's writing end to the command.
func passPipe(cmd *exec.Cmd, w *os.File) {
	cmd.ExtraFiles = []*os.File{w}
	cmd.Env = append(cmd.Env, readyFD+"=3")
}

// inheritedParent finds the pipe that this process was started with. Processes
// that it starts itself get neither pipe nor variable.
func inheritedParent() *parent {
	fd, err := strconv.Atoi(os.Getenv(readyFD))
	_ = os.Unsetenv(readyFD)
	if err != nil || fd < 3 {
		return nil
	}
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return nil
	}
	syscall.CloseOnExec(fd)
	return &parent{pipe: os.NewFile(uintptr(fd), "parent")}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
