package socket

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

var errLocked = windows.ERROR_LOCK_VIOLATION

const maxPath = 107

// checkDir has nothing to look at: rights are inherited from the user's profile.
func checkDir(string) error { return nil }

// trust leaves it to the rights of the file.
func trust(net.Conn, string) error { return nil }

func openLock(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}

// lockExclusively locks one byte far behind the text, which others may read.
func lockExclusively(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: 1 << 30})
}

func duplicate(syscall.Conn) (int, error) { return -1, errors.ErrUnsupported }

func closeNumber(int) {}

func inherited(n int, name string) *os.File { return os.NewFile(uintptr(n), name) }
