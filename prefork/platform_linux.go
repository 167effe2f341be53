package prefork

import (
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile returns a file of size bytes that lives in memory and can be
// neither shrunk nor grown: reading it never faults, whatever a worker does.
func memoryFile(size int) (*os.File, error) {
	fd, err := unix.MemfdCreate("prefork", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "memory")
	if err := f.Truncate(int64(size)); err != nil {
		f.Close()
		return nil, err
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// executable returns this program's file, and the running one itself should
// another have taken its name: a worker must be of its master's version.
func executable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	const running = "/proc/self/exe"
	named, err := os.Stat(path)
	if err != nil {
		return running, nil
	}
	if own, err := os.Stat(running); err == nil && !os.SameFile(named, own) {
		return running, nil
	}
	return path, nil
}

// freezable says that the end of a child can be seen without reading its status.
const freezable = true

// awaitZombie returns when a child has ended, or at once if there is no such child.
func awaitZombie(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}
