//go:build !linux

package watch

import "os"

// isOpenForWriting cannot tell here.
func isOpenForWriting(*os.File) writing { return writingUnknown }

// mounted says that path itself, not only the directory it is in, is a mount
// point. It is always false here; containers that mount single files are Linux.
func mounted(string) bool { return false }
