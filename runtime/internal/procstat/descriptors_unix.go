//go:build unix && !linux

package procstat

import (
	"os"

	"golang.org/x/sys/unix"
)

// Descriptors that a process has open, and may have; 0 where that cannot be
// told, as for any process but this one.
func Descriptors(pid int) (open, limit uint64) {
	var r unix.Rlimit
	if pid != os.Getpid() || unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 0, 0
	}
	all, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0, 0
	}
	return uint64(len(all)), uint64(r.Cur)
}
