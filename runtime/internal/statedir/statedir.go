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

	"github.com/echterhof/rockstar-tui/internal/osfile"
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
	root *os.Root // so that nobody can put another directory in its place
	lock *os.File
}

// Open makes the directory if it is not there, readable by its owner only, and
// claims it until Close or the end of the process. One that belongs to another
// user is refused: what lies in it decides what is served.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, root: root}
	if err = d.claim(); err != nil {
		root.Close()
		return nil, err
	}
	d.sweep()
	return d, nil
}

// claim makes sure that the directory is ours alone, and locks it.
func (d *Dir) claim() error {
	if err := d.makeOurs(); err != nil {
		return err
	}
	f, err := d.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE|osfile.NoFollow, 0o600)
	if err != nil {
		return err
	}
	if err := osfile.Lock(f); err != nil {
		f.Close()
		if errors.Is(err, osfile.ErrLocked) {
			return fmt.Errorf("%s: %w", d.path, ErrInUse)
		}
		return fmt.Errorf("lock %s: %w", d.path, err)
	}
	d.lock = f
	return nil
}

// makeOurs refuses a directory of another user, and closes our own to others if
// it holds nothing but state: who shares a directory may have reasons.
func (d *Dir) makeOurs() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkOwner(d.path, info); err != nil {
		return err
	}
	open := info.Mode().Perm() & 0o077
	if !osfile.HaveOwners || open == 0 {
		return nil
	}
	entries, err := f.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name == lockName || e.Type().IsRegular() && filepath.Ext(strings.TrimSuffix(name, tempSuffix)) == ".json" {
			continue
		}
		if open&0o022 != 0 {
			return fmt.Errorf("%s may be written by others (mode %#o) and holds more than state: use a separate directory", d.path, info.Mode().Perm())
		}
		return nil // our files in it are closed to others
	}
	return f.Chmod(0o700)
}

// euid is the user of this process. Tests replace it.
var euid = os.Geteuid

// checkOwner refuses what belongs to another user.
func checkOwner(name string, info fs.FileInfo) error {
	if !osfile.HaveOwners {
		return nil
	}
	owner, _ := osfile.Owner(info)
	if us := euid(); owner != us {
		return fmt.Errorf("%s belongs to user %d, and this process to %d: its content is not trusted", name, owner, us)
	}
	return nil
}

// Close gives the directory up.
func (d *Dir) Close() error { return errors.Join(d.lock.Close(), d.root.Close()) }

// Path of the directory.
func (d *Dir) Path() string { return d.path }

// tempSuffix ends the name of a file that is not finished.
const tempSuffix = ".new"

// sweep removes what a crash left unfinished.
func (d *Dir) sweep() {
	names, _ := d.names(func(name string) bool { return strings.HasSuffix(name, tempSuffix) })
	for _, name := range names {
		d.root.Remove(name) // or else it is overwritten some day
	}
}

func (d *Dir) at(step, name string) {
	if d.At != nil {
		d.At(step + " " + name)
	}
}

// Write makes data the content of the file, now and after a crash.
func (d *Dir) Write(name string, data []byte) error {
	if err := d.check(name); err != nil {
		return err
	}
	d.at("write", name)
	if err := d.writeSynced(name+tempSuffix, data); err != nil {
		d.root.Remove(name + tempSuffix)
		return err
	}
	d.at("rename", name)
	if err := d.root.Rename(name+tempSuffix, name); err != nil {
		d.root.Remove(name + tempSuffix)
		return err
	}
	d.at("sync", name)
	return d.sync()
}

func (d *Dir) writeSynced(name string, data []byte) error {
	d.root.Remove(name) // a link would be followed
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
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
// is none. It reads only what is a file, of this user.
func (d *Dir) Read(name string) ([]byte, error) {
	if err := d.check(name); err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, os.O_RDONLY|osfile.NoFollow|osfile.NoWait, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is not a file", name)
	}
	if err := checkOwner(name, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("read %s: more than %d MiB", name, maxFile>>20)
	}
	return data, err
}

// Remove removes the file, now and after a crash. One that is not there is no error.
func (d *Dir) Remove(name string) error {
	if err := d.check(name); err != nil {
		return err
	}
	d.at("remove", name)
	if err := d.root.Remove(name); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return d.sync()
}

// Names of the files that begin with prefix, sorted.
func (d *Dir) Names(prefix string) ([]string, error) {
	return d.names(func(name string) bool {
		return name != lockName && strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, tempSuffix)
	})
}

// names of the files that are wanted, sorted.
func (d *Dir) names(wanted func(name string) bool) (names []string, err error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	for _, e := range entries {
		if e.Type().IsRegular() && wanted(e.Name()) {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, err
}

// sync makes a rename or a removal outlive a crash of the host.
func (d *Dir) sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(osfile.SyncDirectory(f), f.Close())
}

// check reports whether a name can be that of a file directly in the directory.
func (d *Dir) check(name string) error {
	if name == "" || name == lockName || name != filepath.Base(name) || strings.HasPrefix(name, ".") || strings.HasSuffix(name, tempSuffix) {
		return fmt.Errorf("%q cannot be the name of a file in %s", name, d.path)
	}
	return nil
}
