//go:build unix

package listener

import "golang.org/x/sys/unix"

// systemTicks is a monotonic time that all processes of the system share.
func systemTicks() int64 {
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return now.Nano()
}
