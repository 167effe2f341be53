//go:build unix

package runtime

import "golang.org/x/sys/unix"

// descriptors returns how many this process may have, and has.
func descriptors() (limit, used int) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0
	}
	return int(min(uint64(r.Cur), 1<<30)), openDescriptors()
}
