package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/echterhof/rockstar-tui/internal/osfile"
)

// ErrFileChanged is returned when a config file no longer holds the text that an
// edit of it is based on.
var ErrFileChanged = errors.New("the file has changed meanwhile")

// Staged is the new content of a file, on its disk and not yet in its place. It
// differs from the files of a state directory, which belong to the runtime alone:
// people edit this one too, so its owner, its mode and a link to it are kept, and a
// save in between is noticed.
type Staged struct {
	target, temp string
	was          []byte
}

// Stage writes now beside the file at path, which must hold was. The file itself
// is untouched until [Staged.Commit]. A symbolic link is followed: what it leads
// to is replaced, with its mode and its owner.
func Stage(path string, was, now []byte) (*Staged, error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("write config: %w", err)
	}
	s := &Staged{target: target, was: was}
	info, err := s.unchanged()
	if err != nil {
		return nil, err
	}
	if err := s.write(info, now); err != nil {
		s.Discard()
		return nil, fmt.Errorf("write config %s: %w", path, err)
	}
	return s, nil
}

// unchanged makes sure that the file still holds what it did.
func (s *Staged) unchanged() (fs.FileInfo, error) {
	info, err := os.Stat(s.target)
	if err != nil {
		return nil, fmt.Errorf("write config: %w", err)
	}
	is, err := os.ReadFile(s.target)
	if err != nil {
		return nil, fmt.Errorf("write config: %w", err)
	}
	if !bytes.Equal(is, s.was) {
		return nil, fmt.Errorf("write config %s: %w", s.target, ErrFileChanged)
	}
	return info, nil
}

func (s *Staged) write(like fs.FileInfo, now []byte) error {
	reached("create")
	f, err := os.CreateTemp(filepath.Dir(s.target), "."+filepath.Base(s.target)+".*")
	if err != nil {
		return err
	}
	s.temp = f.Name()
	defer f.Close()
	reached("write")
	if _, err := f.Write(now); err != nil {
		return err
	}
	if err := f.Chmod(like.Mode().Perm()); err != nil {
		return err
	}
	if err := ownedLike(f, like); err != nil {
		return err
	}
	reached("sync")
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// Commit puts the new content into its place in one step: whoever reads the file,
// also after a crash, finds the old or the new. It refuses when the file was
// changed since it was staged.
func (s *Staged) Commit() error {
	defer s.Discard()
	if _, err := s.unchanged(); err != nil {
		return err
	}
	reached("rename")
	if err := os.Rename(s.temp, s.target); err != nil {
		return fmt.Errorf("write config: %w; a mounted file cannot be replaced: mount its directory instead", err)
	}
	s.temp = ""
	reached("renamed")
	return syncDirectory(filepath.Dir(s.target))
}

// syncDirectory makes a rename last.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return osfile.SyncDirectory(d)
}

// ownedLike gives a new file the owner of another. One that belongs to somebody
// else, and cannot be given to him, is not replaced by one of ours. On Windows a new
// file belongs to whoever its directory says.
func ownedLike(f *os.File, like fs.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	user, group := osfile.Owner(like)
	if u, g := osfile.Owner(info); u == user && g == group {
		return nil
	}
	if err := f.Chown(user, group); err != nil {
		return fmt.Errorf("keep its owner, user %d and group %d: %w", user, group, err)
	}
	return nil
}

// Discard removes what is staged and not committed.
func (s *Staged) Discard() {
	if s.temp != "" {
		os.Remove(s.temp)
		s.temp = ""
	}
}

// reached is told which step comes next; tests end the process there.
var reached = func(step string) {}
