package cli

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// readyHandle is the environment variable that names the pipe's handle.
const readyHandle = "ROCKSTAR_READY_HANDLE"

const detachedProcess = 0x00000008 // DETACHED_PROCESS: no console of the parent's

// inSessionOfItsOwn detaches the command from the console: neither its closing
// nor ctrl+c in it reach the command.
func inSessionOfItsOwn(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: detachedProcess | syscall.CREATE_NEW_PROCESS_GROUP}
}

// passPipe hands the pipe's writing end to the command.
func passPipe(cmd *exec.Cmd, w *os.File) {
	h := syscall.Handle(w.Fd())
	if syscall.SetHandleInformation(h, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT) != nil {
		return
	}
	cmd.SysProcAttr.AdditionalInheritedHandles = []syscall.Handle{h}
	cmd.Env = append(cmd.Env, readyHandle+"="+strconv.FormatUint(uint64(h), 10))
}

// inheritedParent finds the pipe that this process was started with. Processes
// that it starts itself get neither pipe nor variable.
func inheritedParent() *parent {
	h, err := strconv.ParseUint(os.Getenv(readyHandle), 10, 64)
	_ = os.Unsetenv(readyHandle)
	if err != nil {
		return nil
	}
	if t, err := syscall.GetFileType(syscall.Handle(h)); err != nil || t != syscall.FILE_TYPE_PIPE {
		return nil
	}
	_ = syscall.SetHandleInformation(syscall.Handle(h), syscall.HANDLE_FLAG_INHERIT, 0)
	return &parent{pipe: os.NewFile(uintptr(h), "parent")}
}

func terminate(p *os.Process) error { return p.Kill() }
