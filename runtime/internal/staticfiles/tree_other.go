//go:build !linux

package staticfiles

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// tree opens files below a directory.
type tree struct{ path string }

// file is an open regular file.
type file struct{ *os.File }

// open opens the regular file of that name. It never waits for the other end of
// a pipe. errDirectory says that the name is that of a directory.
func (t *tree) open(name string) (*document, error) {
	for tries := 0; ; tries++ {
		f, v, err := openInRoot(t.path, name)
		if err != nil {
			return nil, err
		}
		doc, err := newDocument(file{f}, v, name)
		if errors.Is(err, errChanging) && tries < 10 {
			continue
		}
		return doc, err
	}
}

// stream is the file from there on.
func (f file) stream(from int64) *os.File {
	f.Seek(from, io.SeekStart) // a regular file can
	return f.File
}

// isOverload reports whether the file could be had with fewer others open.
func isOverload(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
