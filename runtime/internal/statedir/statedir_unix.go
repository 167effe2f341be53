//go:build unix

package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

var errLocked = syscall.EWOULDBLOCK

const (
	// noFollow: in a shared directory a link could lead anywhere.
	noFollow = syscall.O_NOFOLLOW
	// noWait: opening a FIFO would wait for who writes into it.
	noWait = syscall.O_NONBLOCK
	// othersExist says that the mode of a file tells what other users may do.
	othersExist = true
)

// euid is the user of this process. Tests replace it.
var euid = os.Geteuid

// checkOwner refuses what belongs to another user.
func checkOwner(name string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: its owner cannot be told", name)
	}
	if us := euid(); int(st.Uid) != us {
		return fmt.Errorf("%s belongs to user %d, and this process to %d: what lies there is not trusted", name, st.Uid, us)
	}
	return nil
}

func lockExclusively(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// syncDir makes what was done in a directory outlive a crash of the host.
func syncDir(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, syscall.EINVAL) { // a file system that cannot, and need not
		return nil
	}
	return err
}
