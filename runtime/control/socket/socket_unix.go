//go:build unix

package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/internal/osfile"
)

// maxPath is what fits into a sockaddr_un beside the closing zero.
var maxPath = map[bool]int{true: 107, false: 103}[goruntime.GOOS == "linux"]

// ownDir is the name of the directories that are made for control sockets.
const ownDir = "rockstar-tui"

// euid is the user of this process. Tests replace it.
var euid = os.Geteuid

// answering is the process at the other end. Tests replace it.
var answering = PeerOf

// checkDir refuses a directory in which another user could put another socket
// in the place of ours. One that was made for control sockets is closed to others.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	owner, _ := osfile.Owner(info)
	if owner != euid() && owner != 0 {
		return fmt.Errorf("%s belongs to user %d, and this process to %d, so it is no place for a control socket; name another one", dir, owner, euid())
	}
	if info.Mode().Perm()&0o022 == 0 || info.Mode()&fs.ModeSticky != 0 {
		return nil
	}
	if filepath.Base(dir) == ownDir && owner == euid() {
		return os.Chmod(dir, 0o700)
	}
	return fmt.Errorf("others may replace files in %s (mode %#o), so it is no place for a control socket; name another one", dir, info.Mode().Perm())
}

// trust makes sure that a runtime of this user or of root answers, before it is
// told anything: its path alone proves nothing. Root may talk to anybody's.
func trust(c net.Conn, path string) error {
	p, us := answering(c), euid()
	if !PeersKnown || us == 0 || p.UID == us || p.UID == 0 {
		return nil
	}
	return &UntrustedError{Path: path, UID: p.UID, Own: us}
}

func duplicate(c syscall.Conn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	n := -1
	failed := raw.Control(func(fd uintptr) { n, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) })
	return n, errors.Join(failed, os.NewSyscallError("fcntl", err))
}

func closeNumber(n int) { unix.Close(n) }

func inherited(n int, name string) *os.File {
	unix.CloseOnExec(n)
	return os.NewFile(uintptr(n), name)
}
