//go:build unix

package statedir

import (
	"errors"
	"os"
	"syscall"
)

var errLocked = syscall.EWOULDBLOCK

// noFollow: in a shared directory a link could lead anywhere.
const noFollow = syscall.O_NOFOLLOW

func lockExclusively(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// syncDir makes a rename or a removal outlive a crash of the host.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) { // a file system that cannot, and need not
		err = nil
	}
	return errors.Join(err, dir.Close())
}
