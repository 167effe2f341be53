package prefork

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// MakeOrphanDir makes the directory in which orphans can be found, or makes sure that
// nobody else can put anything there: one of ours with another mode is closed.
func MakeOrphanDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	if int(st.Uid) != euid() {
		return fmt.Errorf("%s belongs to user %d, and this process to %d", dir, st.Uid, euid())
	}
	if st.Mode&0o077 == 0 {
		return nil
	}
	return unix.Fchmod(fd, 0o700)
}

// euid is the user of this process. Tests replace it.
var euid = os.Geteuid

// within names a file in dir by a path that always fits into a socket's address.
func within(dir string, name string) (path string, done func(), err error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, name), func() { unix.Close(fd) }, nil
}

// temporarySuffix is the end of a name under which nobody answers yet.
const temporarySuffix = "~"

// settle waits in the orphan directory, under this process's number. It gets that name only
// when it answers: whoever finds a name that does not, takes it for a dead one's.
func settle(dir string) (*net.UnixListener, error) {
	if err := MakeOrphanDir(dir); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, strconv.Itoa(os.Getpid()))
	os.Remove(name + temporarySuffix) // of a process that had this number before
	path, done, err := within(dir, filepath.Base(name)+temporarySuffix)
	if err != nil {
		return nil, err
	}
	defer done()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // it has another name then
	if err := os.Rename(name+temporarySuffix, name); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// entries of an orphan directory, by their names.
func entries(dir string) (names []string) {
	if MakeOrphanDir(dir) != nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.Type() == os.ModeSocket && !strings.HasSuffix(e.Name(), temporarySuffix) {
			names = append(names, e.Name())
		}
	}
	return names
}

// visit connects to a resident, whose name is then gone.
func visit(dir, name string) (*net.UnixConn, error) {
	path, done, err := within(dir, name)
	if err != nil {
		return nil, err
	}
	defer done()
	defer os.Remove(filepath.Join(dir, name))
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
}

// peerOf is the process at the other end, which must be of this user, or of root.
func peerOf(conn *net.UnixConn) (pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	failed := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(failed, err); err != nil {
		return 0, err
	}
	if int(cred.Uid) != euid() && cred.Uid != 0 {
		return 0, fmt.Errorf("it is of user %d", cred.Uid)
	}
	return int(cred.Pid), nil
}

func ofOurs(conn *net.UnixConn) error {
	_, err := peerOf(conn)
	return err
}

// redirect makes f what this process prints to.
func redirect(f *os.File) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		unix.Dup3(int(fd), 1, 0)
		unix.Dup3(int(fd), 2, 0)
	})
}

// adoptedProcess is a worker that another process has started: its end is seen, but
// not how it ended.
type adoptedProcess struct{ childProcess }

func (s adoptedProcess) ending() {
	fd, err := unix.PidfdOpen(s.Pid, 0)
	if err != nil {
		return // it has ended
	}
	defer unix.Close(fd)
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return
		}
	}
}

func (s adoptedProcess) wait() (State, string) {
	return Exited, "exit status unknown (inherited from a previous master)"
}
