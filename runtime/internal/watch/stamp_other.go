//go:build !linux && !darwin

package watch

import "io/fs"

// stamp has only size and time here: another file of the same size and time in
// the place of the old one goes unnoticed.
func stamp(fi fs.FileInfo) signature {
	return signature{size: fi.Size(), mtime: fi.ModTime().UnixNano()}
}
