package watch

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func stamp(fi fs.FileInfo) signature {
	s := signature{size: fi.Size(), mtime: fi.ModTime().UnixNano()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		s.dev, s.ino, s.ctime = uint64(st.Dev), st.Ino, st.Ctim.Nano()
	}
	return s
}

// isOpenForWriting asks with a lease. The kernel grants a read lease only on a
// file that nobody has open for writing, which makes it a question nothing else
// answers. It needs the file's owner or CAP_LEASE.
//
// The lease is given back at once. Whoever opens the file for writing in those
// microseconds waits for that, and the kernel signals us: with SIGURG, which Go
// uses itself and expects at any time, not with SIGIO, which by default ends a
// process. So the lease protects nothing, and what was read has to be compared
// with the file afterwards.
func isOpenForWriting(f *os.File) writing {
	conn, err := f.SyscallConn()
	if err != nil {
		return writingUnknown
	}
	state := writingUnknown
	if err := conn.Control(func(fd uintptr) { state = askLease(fd) }); err != nil {
		return writingUnknown
	}
	return state
}

func askLease(fd uintptr) writing {
	if remote(fd) {
		return writingUnknown
	}
	if _, err := unix.FcntlInt(fd, unix.F_SETSIG, int(unix.SIGURG)); err != nil {
		return writingUnknown
	}
	_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
	switch {
	case err == nil:
		if _, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK); err != nil {
			return writingUnknown
		}
		return writingNo
	case errors.Is(err, unix.EAGAIN):
		return writingYes
	}
	return writingUnknown
}

// remote says that the file is on a file server: NFS and SMB refuse a lease
// with the same error when the server did not delegate the file to us.
func remote(fd uintptr) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(fd), &st) != nil {
		return true
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC:
		return true
	}
	return false
}

// mounted says that path itself, not only the directory it is in, is a mount
// point, as with "docker run -v /etc/my.yaml:/my.yaml". Such a mount holds on to
// the file it was made of: an editor on the host that saves by putting a new
// file in place is never seen. Kernels before 5.8 do not tell.
func mounted(path string) bool {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, 0, 0, &st) != nil {
		return false
	}
	return st.Attributes&st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0
}
