// Package socket is the file under which a runtime is found: the Unix socket
// that its control API answers on. It knows nothing of that API.
//
// A socket belongs to one user. [Listen] opens it with mode 0600 in a directory
// that only its owner may change, and a lock file beside it, held for as long as
// the process lives, lets only one runtime have a path. [Dial] asks the kernel
// who answers before anything is sent, because a path alone proves nothing, and
// [PeerOf] tells a server who has connected.
//
// [Keep] hands the open socket and its lock to the program that replaces this
// one in the same process (see [Kept.Adopt]); clients that connect meanwhile
// wait in the kernel's queue and notice nothing.
package socket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/echterhof/rockstar-tui/internal/osfile"
)

// ErrAlreadyRunning is returned by [Listen] if another runtime has the socket.
var ErrAlreadyRunning = errors.New("a runtime is already running")

// DefaultPath returns where the control socket is unless another path is named:
// in /run/rockstar-tui for root, otherwise in $XDG_RUNTIME_DIR/rockstar-tui or
// ~/.local/state/rockstar-tui, and in %LOCALAPPDATA%\rockstar-tui on Windows. It
// is empty if none of these is known.
func DefaultPath() string {
	return defaultPath(goruntime.GOOS, os.Geteuid(), os.Getenv)
}

func defaultPath(goos string, uid int, getenv func(string) string) string {
	dir := func(parts ...string) string {
		if !filepath.IsAbs(parts[0]) {
			return ""
		}
		return filepath.Join(append(parts, "rockstar-tui", "control.sock")...)
	}
	switch {
	case goos == "windows":
		return dir(getenv("LOCALAPPDATA"))
	case uid == 0 && goos == "linux":
		return dir("/run")
	case uid == 0:
		return dir("/var/run")
	}
	return cmp.Or(dir(getenv("XDG_RUNTIME_DIR")), dir(getenv("HOME"), ".local", "state"))
}

// Listen opens the control socket at path, for nobody but the present user
// (mode 0600). It makes the directory if there is none, and replaces what a
// runtime that crashed has left behind. Only one listener can have a path:
// path.lock, which stays, decides. Closing it removes the socket.
func Listen(path string) (net.Listener, error) {
	ln, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return ln, nil
}

// Dial connects to the control socket at path. It talks to nobody but a runtime
// of this user or of root, and root to anybody's: otherwise it returns an
// *[UntrustedError].
func Dial(ctx context.Context, path string) (net.Conn, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := trust(conn, path); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// UntrustedError says that a socket is answered by a process of a user who is
// neither this one nor root.
type UntrustedError struct {
	Path string
	// UID of the user who answers, -1 if the system does not say, and Own of this
	// process.
	UID, Own int
}

func (e *UntrustedError) Error() string {
	if e.UID < 0 {
		return fmt.Sprintf("control socket %s: the system does not tell who answers there, so nothing is sent", e.Path)
	}
	return fmt.Sprintf("control socket %s: a process of user %d answers there, neither yours (%d) nor root's, so nothing is sent", e.Path, e.UID, e.Own)
}

func listen(path string) (net.Listener, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := checkDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	ln, err := bind(path)
	if err != nil {
		lock.Close()
		return nil, err
	}
	ln.lock = lock
	return ln, nil
}

// checkPath says what the kernel would only call an invalid argument.
func checkPath(path string) error {
	if path == "" {
		return errors.New("no path is known; name one with --socket or $ROCKSTAR_SOCKET")
	}
	if len(path) > maxPath {
		return fmt.Errorf("the path is %d bytes long, a socket's can have %d; name a shorter one with --socket or $ROCKSTAR_SOCKET", len(path), maxPath)
	}
	return nil
}

// lockFile opens and locks name, and writes down who holds it. The lock goes
// with the process, so it is never stale; the file is never removed, because
// another could be waiting to lock the very file.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|osfile.NoFollow, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link", name)
	}
	if err != nil {
		return nil, err
	}
	if err := osfile.Lock(f); err != nil {
		defer f.Close()
		if errors.Is(err, osfile.ErrLocked) {
			return nil, fmt.Errorf("%w%s", ErrAlreadyRunning, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if f.Truncate(0) == nil {
		fmt.Fprintln(f, os.Getpid()) // a courtesy for the message of the next one
	}
	return f, nil
}

func holder(f *os.File) string {
	text, _ := io.ReadAll(io.LimitReader(f, 20))
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(", pid %d", pid)
}

// vacant makes sure that path can be taken: nothing is there, or a socket that
// nobody listens on.
func vacant(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is something that is not a socket; move it away or name another path")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return nil
	}
	c.Close()
	// The lock was ours, so this one does not know of it, or someone removed it.
	return ErrAlreadyRunning
}

// bind opens the socket under another name, closes it to others and only then
// gives it its name: mode 0600 by umask would change the whole process, and
// between bind and chmod everybody could connect.
func bind(path string) (*socket, error) {
	if err := vacant(path); err != nil {
		return nil, err
	}
	temporary := beside(path)
	if err := vacant(temporary); err != nil {
		return nil, fmt.Errorf("%s: %w", temporary, err)
	}
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // it would remove the temporary name
	info, err := publish(temporary, path)
	if err != nil {
		ln.Close()
		os.Remove(temporary)
		return nil, err
	}
	return &socket{UnixListener: ln, path: path, info: info}, nil
}

// beside returns another name in the same directory that is not longer, for
// the length of a socket's path is scarce.
func beside(path string) string {
	last, n := utf8.DecodeLastRuneInString(path)
	if last == '~' {
		return path[:len(path)-n] + "#"
	}
	return path[:len(path)-n] + "~"
}

// publish gives the socket its name once nobody else can connect to it.
func publish(temporary, path string) (fs.FileInfo, error) {
	if err := os.Chmod(temporary, 0o600); err != nil {
		return nil, err
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// socket is a listener that lives under another name than it was bound to.
type socket struct {
	*net.UnixListener
	path string
	info fs.FileInfo
	lock *os.File
	kept atomic.Bool // another program goes on with it

	once sync.Once
	err  error
}

// Addr returns the path.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close removes the socket, unless something else has its name by now or it is
// kept, stops listening and releases the lock, in this order: a successor finds
// a clean place.
func (s *socket) Close() error {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.info) && !s.kept.Load() {
			s.err = os.Remove(s.path)
		}
		s.err = errors.Join(s.err, s.UnixListener.Close(), s.lock.Close())
	})
	return s.err
}
