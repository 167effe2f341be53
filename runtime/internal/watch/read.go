package watch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/internal/osfile"
)

// MaxSize is the largest file read, in bytes: 8 MiB.
const MaxSize = 8 << 20

// Reasons why a file has no content to deliver.
var (
	// ErrEmpty: nothing, or nothing but white space.
	ErrEmpty = errors.New("the file is empty")
	// ErrTooLarge: more bytes than allowed.
	ErrTooLarge = errors.New("the file is larger than the limit")
	// ErrNotRegular: a directory, a pipe, a device.
	ErrNotRegular = errors.New("not a regular file")
	// ErrWriting: it kept changing for as long as [Read] waits.
	ErrWriting = errors.New("the file is still being written")
)

// What Read waits for, at most.
const (
	readStall = 3 * time.Second       // a writer that has it open but leaves it alone
	readQuiet = time.Second           // that a save may pause, see ReadQuiet
	readLimit = 10 * time.Second      // all in all
	readRetry = 20 * time.Millisecond // between two tries
)

// Read reads the file once, at the request of a person: at start, or to reload
// now. It does not wait for the file to be quiet, but like [File] it never
// returns a mixture of two states, and it gives a writer that has the file open
// three seconds of silence to finish. A file that keeps changing for ten
// seconds is [ErrWriting].
func Read(path string) ([]byte, [sha256.Size]byte, error) {
	take := taker{path: path, max: MaxSize, lease: true, stall: readStall}
	data, err := take.wait(readLimit)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	return data, sha256.Sum256(data), nil
}

// ReadQuiet is Read for a file that cannot be used as it is: it may be half of a
// save whose writer has closed it in between, or not be there for a moment. It is
// read when it has not changed for a second.
func ReadQuiet(path string) ([]byte, [sha256.Size]byte, error) {
	take := taker{path: path, max: MaxSize, patience: readQuiet}
	data, err := take.wait(readLimit)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	return data, sha256.Sum256(data), nil
}

// taker reads a file in one piece, or says that it is too early to.
type taker struct {
	path            string
	max             int64
	lease           bool          // ask who has it open
	patience, stall time.Duration // see tuning
}

// taken is the result of one try.
type taken struct {
	data   []byte
	err    error // a reason for the user
	early  bool  // try again: it has not been calm for long enough, or it moved
	forced bool  // taken although a writer has it open
}

var early = taken{early: true}

func (t taker) wait(limit time.Duration) ([]byte, error) {
	began := time.Now()
	var p pace
	for {
		now := time.Now()
		p.saw(signatureOf(t.path), time.Now())
		if got := t.try(p.calm(now), p.sig); !got.early && !p.sig.fresh(now) {
			return got.data, got.err
		}
		if now.Sub(began) > limit {
			return nil, reason(t.path, fmt.Errorf("%w after %v: try again when it is done", ErrWriting, limit))
		}
		time.Sleep(readRetry)
	}
}

// try reads the file if it has been calm for long enough. It must still be the
// file of sig, before and after.
func (t taker) try(calm time.Duration, sig signature) taken {
	f, err := open(t.path, t.max)
	if err != nil {
		return t.fail(calm, sig, err)
	}
	defer f.Close()
	state := t.writing(f)
	if calm < t.required(state) {
		return early
	}
	data, err := readAll(f, t.max)
	if moved := t.writing(f) != state || t.named(f, sig) != nil; moved {
		return early
	}
	if err != nil {
		return t.fail(calm, sig, reason(t.path, err))
	}
	return taken{data: data, forced: state == writingYes}
}

// fail reports err if it has lasted, as saves may begin with a file that is
// missing or empty, and if it is about the file of sig. EAGAIN is somebody else's
// lease, so not a failure but a wait.
func (t taker) fail(calm time.Duration, sig signature, err error) taken {
	if calm < t.patience || errors.Is(err, syscall.EAGAIN) || signatureOf(t.path) != sig {
		return early
	}
	return taken{err: err}
}

// required is how long the file must have been unchanged.
func (t taker) required(state writing) time.Duration {
	switch state {
	case writingYes:
		return t.stall
	case writingUnknown:
		return t.patience
	}
	return 0
}

func (t taker) writing(f *os.File) writing {
	if !t.lease {
		return writingUnknown
	}
	return isOpenForWriting(f)
}

var errMoved = errors.New("the file changed while it was read")

// named checks that the open file is unchanged since sig and still what the
// path names.
func (t taker) named(f *os.File, sig signature) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	at, err := os.Stat(t.path)
	if err != nil {
		return err
	}
	if !os.SameFile(fi, at) || stamp(fi) != sig || stamp(at) != sig {
		return errMoved
	}
	return nil
}

// open opens a regular file of acceptable size. A pipe must not block it.
func open(path string, limit int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|osfile.NoWait, 0)
	if err != nil {
		return nil, reason(path, err)
	}
	fi, err := f.Stat()
	switch {
	case err != nil:
	case !fi.Mode().IsRegular():
		err = fmt.Errorf("%w but a %s", ErrNotRegular, kind(fi.Mode()))
	case fi.Size() > limit:
		err = tooLarge(limit)
	}
	if err != nil {
		f.Close()
		return nil, reason(path, err)
	}
	return f, nil
}

func readAll(f *os.File, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return nil, tooLarge(limit)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, ErrEmpty
	}
	return data, nil
}

func tooLarge(limit int64) error { return fmt.Errorf("%w of %d bytes", ErrTooLarge, limit) }

// reason makes one line of err. It names no size and no time, so that the same
// reason twice is the same line.
func reason(path string, err error) error {
	return fmt.Errorf("read %s: %w", path, cause(err))
}

// cause leaves out operation and path, which the line says already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// signatureOf says what path names now.
func signatureOf(path string) signature {
	fi, err := os.Stat(path)
	if err != nil {
		return signature{fault: cause(err).Error()}
	}
	return stamp(fi)
}

// writing says whether somebody has a file open for writing.
type writing int

const (
	writingUnknown writing = iota // the system does not tell
	writingNo
	writingYes
)
