package procstat

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Descriptors that a process has open, and may have; 0 where that cannot be told.
func Descriptors(pid int) (open, limit uint64) {
	var r unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &r) != nil {
		return 0, 0
	}
	// Since Linux 6.2 the size of the directory is the number of its entries.
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	info, err := os.Stat(dir)
	if err != nil {
		return 0, 0
	}
	if n := info.Size(); n > 0 {
		return uint64(n), r.Cur
	}
	return countEntries(dir), r.Cur
}

func countEntries(dir string) uint64 {
	f, err := os.Open(dir)
	if err != nil {
		return 0
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1) // what was read counts
	return uint64(len(names))
}
