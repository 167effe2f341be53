package staticfiles

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/internal/spare"
)

// tree opens files below a directory. The kernel itself keeps what it looks up
// below the root (openat2, RESOLVE_BENEATH), in one call whatever the depth;
// where it cannot, before Linux 5.6 or in some sandboxes, os.Root does.
type tree struct {
	path  string
	slow  atomic.Bool // there is no openat2
	cache fileCache
	files openFiles
}

// file is an open regular file. A plain descriptor spares the registration with
// Go's poller, which regular files have no use for.
type file struct {
	fd     int
	opened *os.File // owns fd, once it was asked for
}

// open opens the regular file of that name. It never waits for the other end of
// a pipe. errDirectory says that the name is that of a directory.
func (t *tree) open(name string) (*document, error) {
	path := t.path + "/" + name
	if doc := t.cache.find(name, path); doc != nil {
		return doc, nil
	}
	if doc := t.files.take(name, path); doc != nil {
		return doc, nil
	}
	for tries := 0; ; tries++ {
		f, seen, err := t.openFile(name)
		if err != nil {
			return nil, err
		}
		doc, err := newDocument(f, seen.version(), name)
		if errors.Is(err, errChanging) && tries < 10 {
			continue
		}
		switch {
		case err != nil:
			return nil, err
		case doc.content != nil:
			t.cache.add(name, doc, seen)
		default:
			t.files.lend(strings.Clone(name), doc, seen)
		}
		return doc, nil
	}
}

func (t *tree) openFile(name string) (file, fileState, error) {
	if t.slow.Load() {
		return t.openSlow(name)
	}
	// The root is opened anew each time: its path may be a link that is set to
	// another version of all files.
	root, err := unix.Open(t.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return file{}, fileState{}, err
	}
	defer unix.Close(root)
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_NOCTTY,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	for tries := 0; ; tries++ {
		fd, err := unix.Openat2(root, name, &how)
		switch {
		case err == nil:
			return regular(fd)
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN) && tries < 100:
			continue // something was renamed meanwhile
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM): // what seccomp says to unknown calls
			t.slow.Store(true)
			return t.openSlow(name)
		}
		return file{}, fileState{}, err
	}
}

func (t *tree) openSlow(name string) (file, fileState, error) {
	f, _, err := openInRoot(t.path, name)
	if err != nil {
		return file{}, fileState{}, err
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return file{}, fileState{}, err
	}
	return regular(fd)
}

// regular takes an open descriptor, or closes it if it is not of a regular file.
func regular(fd int) (file, fileState, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	switch {
	case err != nil:
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		err = errDirectory
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		err = errNotRegular
	case spare.ForRequest(fd):
		err = unix.EMFILE
	default:
		return file{fd: fd}, fileStateOf(&st), nil
	}
	unix.Close(fd)
	return file{}, fileState{}, err
}

// fileState tells whether a file is the one that was read, and unchanged: any
// write, and any change of its rights, sets changed.
type fileState struct {
	dev, ino          uint64
	size              int64
	modified, changed unix.Timespec
}

func fileStateOf(st *unix.Stat_t) fileState {
	return fileState{dev: st.Dev, ino: st.Ino, size: st.Size, modified: st.Mtim, changed: st.Ctim}
}

func (s fileState) version() version {
	return version{size: s.size, modified: time.Unix(s.modified.Unix())}
}

// ReadAt is that of [io.ReaderAt].
func (f file) ReadAt(p []byte, at int64) (n int, err error) {
	for n < len(p) {
		m, err := unix.Pread(f.fd, p[n:], at+int64(n))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return n, err
		case m == 0:
			return n, io.EOF
		}
		n += m
	}
	return n, nil
}

// Close closes it, also as the stream that it has become.
func (f *file) Close() error {
	if f.opened != nil {
		return f.opened.Close()
	}
	return unix.Close(f.fd)
}

// stream is the file from there on, until f is closed.
func (f *file) stream(from int64) *os.File {
	if from > 0 {
		f.rewind(from)
	}
	if f.opened == nil {
		f.opened = os.NewFile(uintptr(f.fd), "")
	}
	return f.opened
}

// rewind has the stream go on from there.
func (f *file) rewind(to int64) error {
	_, err := unix.Seek(f.fd, to, io.SeekStart)
	return err
}

// isOverload reports whether the file could be had with fewer others open.
func isOverload(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}
