//go:build unix

package control

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func duplicate(c syscall.Conn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	n := -1
	failed := raw.Control(func(fd uintptr) { n, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) })
	return n, errors.Join(failed, os.NewSyscallError("fcntl", err))
}

func closeNumber(n int) { unix.Close(n) }

func inherited(n int, name string) *os.File {
	unix.CloseOnExec(n)
	return os.NewFile(uintptr(n), name)
}
