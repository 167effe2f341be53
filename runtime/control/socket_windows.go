package control

import (
	"net"
	"os"

	"golang.org/x/sys/windows"
)

var errLocked = windows.ERROR_LOCK_VIOLATION

const maxPath = 107

// checkDir has nothing to look at: rights are inherited from the user's profile.
func checkDir(string) error { return nil }

// checkPeer leaves it to the rights of the file.
func checkPeer(net.Conn, string) error { return nil }

func openLock(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}

// lockExclusively locks one byte far behind the text, which others may read.
func lockExclusively(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: 1 << 30})
}
