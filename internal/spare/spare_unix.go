//go:build unix

package spare

import "golang.org/x/sys/unix"

// read returns how many descriptors this process may have.
func read() uint64 {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 0
	}
	return min(uint64(r.Cur), 1<<30)
}
