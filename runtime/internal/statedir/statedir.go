// Package statedir keeps the few files that must survive a crash. Whatever
// moment a process or the host ends at, a file is what it was before or what it
// was to become, whole.
package statedir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// maxFile bounds what is read of one file, in bytes.
const maxFile = 64 << 20

// lockName is the file whose lock says that the directory is in use.
const lockName = "lock"

// ErrInUse is wrapped when another process has the directory open.
var ErrInUse = errors.New("another runtime uses it")

// Dir is a directory of files that are whole or not there. It is for one
// goroutine at a time.
type Dir struct {
	// At is called before each step that reaches the disk, with its name. Tests
	// end the process there. Nil for nothing.
	At func(step string)

	path string
	lock *os.File
}

// Open makes the directory if it is not there, readable by its owner only, and
// claims it until Close or the end of the process.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockExclusively(f); err != nil {
		f.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("%s: %w", path, ErrInUse)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	d := &Dir{path: path, lock: f}
	d.sweep()
	return d, nil
}

// Close gives the directory up.
func (d *Dir) Close() error { return d.lock.Close() }

// Path of the directory.
func (d *Dir) Path() string { return d.path }

// tempSuffix ends the name of a file that is not finished.
const tempSuffix = ".new"

// sweep removes what a crash left unfinished.
func (d *Dir) sweep() {
	names, _ := filepath.Glob(filepath.Join(d.path, "*"+tempSuffix)) // the pattern is valid
	for _, name := range names {
		os.Remove(name) // or else it is overwritten some day
	}
}

func (d *Dir) at(step, name string) {
	if d.At != nil {
		d.At(step + " " + name)
	}
}

// Write makes data the content of the file, now and after a crash.
func (d *Dir) Write(name string, data []byte) error {
	path, err := d.file(name)
	if err != nil {
		return err
	}
	d.at("write", name)
	if err := writeSynced(path+tempSuffix, data); err != nil {
		os.Remove(path + tempSuffix)
		return err
	}
	d.at("rename", name)
	if err := os.Rename(path+tempSuffix, path); err != nil {
		os.Remove(path + tempSuffix)
		return err
	}
	d.at("sync", name)
	return syncDir(d.path)
}

func writeSynced(path string, data []byte) error {
	os.Remove(path) // a link would be followed
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Read returns the content of the file; an error that is fs.ErrNotExist if there
// is none.
func (d *Dir) Read(name string) ([]byte, error) {
	path, err := d.file(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("read %s: more than %d MiB", path, maxFile>>20)
	}
	return data, err
}

// Remove removes the file, now and after a crash. One that is not there is no error.
func (d *Dir) Remove(name string) error {
	path, err := d.file(name)
	if err != nil {
		return err
	}
	d.at("remove", name)
	if err := os.Remove(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return syncDir(d.path)
}

// Names of the files that begin with prefix, sorted.
func (d *Dir) Names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(d.path)
	var names []string
	for _, e := range entries {
		if name := e.Name(); e.Type().IsRegular() && name != lockName && strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, tempSuffix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, err
}

// file is the path of a file directly in the directory.
func (d *Dir) file(name string) (string, error) {
	if name == "" || name == lockName || name != filepath.Base(name) || strings.HasPrefix(name, ".") || strings.HasSuffix(name, tempSuffix) {
		return "", fmt.Errorf("%q cannot be the name of a file in %s", name, d.path)
	}
	return filepath.Join(d.path, name), nil
}
