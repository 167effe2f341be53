//go:build unix

package prefork

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const supported = true

// ownSession makes a worker independent of the terminal of its master: no ctrl+c, no
// hang-up, no ctrl+z reaches it.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// workerSignals are those a worker must not die of. They are caught rather than
// ignored, because ignoring is inherited by programs the worker may run. Without
// SIGPIPE, a print after the master's end would kill it.
var workerSignals = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE}

// controlPair returns the two ends of a control socket.
func controlPair() (*net.UnixConn, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("control socket: %w", err)
	}
	here, there := os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control")
	defer here.Close()
	conn, err := controlConn(here)
	if err != nil {
		there.Close()
		return nil, nil, err
	}
	return conn, there, nil
}

// controlConn turns a descriptor into a connection; f stays open.
func controlConn(f *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("control socket: not a unix socket")
	}
	return u, nil
}

// again is another descriptor of what f is.
func again(f syscall.Conn) (*os.File, error) {
	fd, err := duplicate(f)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "duplicate"), nil
}

// duplicate is again as a number, unknown to Go's poller.
func duplicate(f syscall.Conn) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	failed := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 3) })
	return fd, errors.Join(failed, os.NewSyscallError("fcntl", err))
}

func closeNumber(fd int) { unix.Close(fd) }

func closeOnExec(fd int) { unix.CloseOnExec(fd) }

// mapWhole maps all of a file.
func mapWhole(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() <= 0 || info.Size() > maxMemory {
		return nil, fmt.Errorf("shared memory: a %s of %d bytes", info.Mode().Type(), info.Size())
	}
	return mapShared(f, int(info.Size()))
}

// maxMemory in bytes that is mapped of a worker.
const maxMemory = 1 << 30

func rights(fd int) []byte { return unix.UnixRights(fd) }

// isTooManyRefs reports whether the kernel passes no more descriptors until
// some that are on their way have arrived.
func isTooManyRefs(err error) bool { return errors.Is(err, unix.ETOOMANYREFS) }

// parseRights returns the descriptors in control data. What cannot be read is
// none: the kernel wrote it.
func parseRights(oob []byte) []int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var fds []int
	for _, m := range messages {
		if got, err := unix.ParseUnixRights(&m); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

// inherited returns descriptor fd as a file that is not inherited further. It
// must be a socket, or for the memory a regular file.
func inherited(fd int, name string, socket bool) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("descriptor %d should be the %s: %w", fd, name, err)
	}
	want := uint32(unix.S_IFREG)
	if socket {
		want = unix.S_IFSOCK
	}
	if uint32(st.Mode)&unix.S_IFMT != want {
		return nil, fmt.Errorf("descriptor %d should be the %s, but is of another kind (mode %#o)", fd, name, st.Mode)
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name), nil
}

// kept returns an inherited descriptor of any kind as a file that is not
// inherited further.
func kept(fd int) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("descriptor %d should be shared by the master: %w", fd, err)
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "shared"), nil
}

// mapShared maps a file's first size bytes.
func mapShared(f *os.File, size int) ([]byte, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of shared memory: %w", size, err)
	}
	return b, nil
}

// newMemory returns size bytes of zeroed memory and the file to share it by.
func newMemory(size int) ([]byte, *os.File, error) {
	f, err := memoryFile(size)
	if err != nil {
		return nil, nil, fmt.Errorf("shared memory: %w", err)
	}
	b, err := mapShared(f, size)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return b, f, nil
}

func unmap(b []byte) {
	if b != nil {
		unix.Munmap(b)
	}
}

// askTrace asks a process to print what it does, and to end.
func askTrace(p *os.Process) { p.Signal(syscall.SIGQUIT) }
