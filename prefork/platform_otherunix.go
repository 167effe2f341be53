//go:build unix && !linux

package prefork

import "os"

// memoryFile returns a file of size bytes that has no name any more.
func memoryFile(size int) (*os.File, error) {
	f, err := os.CreateTemp("", "prefork")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	if err := f.Truncate(int64(size)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func executable() (string, error) { return os.Executable() }

const freezable = false

func awaitZombie(int) {} // the status is read at once
