package watch

import "golang.org/x/sys/unix"

// Mounted says that path itself, not only the directory it is in, is a mount
// point, as with "docker run -v /etc/my.yaml:/my.yaml". Such a mount holds on to
// the file it was made of: an editor on the host that saves by putting a new
// file in place is never seen. Kernels before 5.8 do not tell.
func Mounted(path string) bool {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, 0, 0, &st) != nil {
		return false
	}
	return st.Attributes&st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0
}
