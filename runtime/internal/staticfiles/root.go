package staticfiles

import (
	"errors"
	"os"

	"github.com/echterhof/rockstar-tui/internal/osfile"
)

var (
	errDirectory  = errors.New("is a directory")
	errNotRegular = errors.New("is not a regular file")
)

// openInRoot opens the regular file of that name below root by os.Root, which
// every system has. The root is opened anew each time: its path may be a link
// that is set to another version of all files.
func openInRoot(root, name string) (*os.File, version, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, version{}, err
	}
	defer r.Close()
	f, err := r.OpenFile(name, os.O_RDONLY|osfile.NoWait, 0)
	if err != nil {
		return nil, version{}, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = errDirectory
	case !info.Mode().IsRegular():
		err = errNotRegular
	default:
		return f, version{size: info.Size(), modified: info.ModTime()}, nil
	}
	f.Close()
	return nil, version{}, err
}
