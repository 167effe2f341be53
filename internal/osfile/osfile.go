// Package osfile has what systems do differently with files that must survive a
// crash and belong to one process: locks, owners, and renames that last.
//
// It takes files that are open already: whoever opens them decides below which
// directory, with what mode, and whether the lock is handed on to another program.
// Libraries for locks open a path themselves, which leaves no room for that.
package osfile

import (
	"errors"
	"os"
)

// ErrLocked is returned when another process holds the lock of a file.
var ErrLocked = errors.New("another process holds the lock")

// Lock makes this process the only one that has the file locked, until the file and
// all its duplicates are closed, by the process or by its end. It does not wait: the
// error is [ErrLocked] if somebody else has it. Others may read the file meanwhile.
func Lock(f *os.File) error { return lock(f) }

// SyncDirectory makes renames and removals in a directory outlive a crash of the
// host. Where a directory cannot be synced there is nothing to do.
func SyncDirectory(dir *os.File) error { return syncDirectory(dir) }
