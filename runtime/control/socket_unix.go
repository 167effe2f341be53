//go:build unix

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	goruntime "runtime"
	"syscall"
)

var errLocked = syscall.EWOULDBLOCK

// maxPath is what fits into a sockaddr_un beside the closing zero.
var maxPath = map[bool]int{true: 107, false: 103}[goruntime.GOOS == "linux"]

// checkDir refuses a directory where anybody could put another socket in the
// place of ours.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("everybody may replace files in %s, so it is no place for a control socket; name another one", dir)
	}
	return nil
}

// openLock does not follow a link, which in a shared directory could lead anywhere.
func openLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link", name)
	}
	return f, err
}

func lockExclusively(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
