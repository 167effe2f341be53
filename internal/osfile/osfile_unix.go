//go:build unix

package osfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Flags for opening a file. They are 0 on Windows.
const (
	// NoFollow refuses a symbolic link, which in a shared directory could lead
	// anywhere.
	NoFollow = syscall.O_NOFOLLOW
	// NoWait opens a FIFO without waiting for somebody who writes into it.
	NoWait = syscall.O_NONBLOCK
)

// HaveOwners says that files belong to a user and a group, and that their mode
// tells what others may do. Elsewhere the profile that a directory lies in decides.
const HaveOwners = true

// Owner is the user and the group that a file belongs to; -1 if they are not known.
func Owner(info fs.FileInfo) (user, group int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return -1, -1
}

func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrLocked
		case !errors.Is(err, syscall.EINTR):
			return os.NewSyscallError("flock", err)
		}
	}
}

func syncDirectory(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, syscall.EINVAL) { // a file system that cannot, and need not
		return nil
	}
	return err
}
