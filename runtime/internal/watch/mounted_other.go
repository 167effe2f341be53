//go:build !linux

package watch

// Mounted says that path itself, not only the directory it is in, is a mount
// point. It is always false here; containers that mount single files are Linux.
func Mounted(string) bool { return false }
