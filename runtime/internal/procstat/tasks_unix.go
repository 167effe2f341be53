//go:build unix

package procstat

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// blocking returns what keeps a thread in a system call until release is called.
func blocking() (wait, release, done func(), err error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, nil, err
	}
	wait = func() { unix.Read(fds[0], make([]byte, 1)) }
	release = func() { unix.Close(fds[1]) } // every read ends
	done = func() { unix.Close(fds[0]) }
	return wait, release, done, nil
}
