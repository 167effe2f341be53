//go:build unix

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"syscall"
)

var errLocked = syscall.EWOULDBLOCK

// maxPath is what fits into a sockaddr_un beside the closing zero.
var maxPath = map[bool]int{true: 107, false: 103}[goruntime.GOOS == "linux"]

// ownDir is the name of the directories that are made for control sockets.
const ownDir = "rockstar-tui"

// euid is the user of this process. Tests replace it.
var euid = os.Geteuid

// answering is the process at the other end. Tests replace it.
var answering = peerOf

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
	owner := -1
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = int(st.Uid)
	}
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

// checkPeer makes sure that a runtime of this user or of root answers, before it
// is told anything: its path alone proves nothing. Root may talk to anybody's.
func checkPeer(c net.Conn, where string) error {
	p := answering(c)
	switch us := euid(); {
	case !peersAreKnown, us == 0, p.UID == us, p.UID == 0:
		return nil
	case p.UID < 0:
		return &Error{Code: CodeDenied, Message: where + ": the system does not tell who answers there, so it is not talked to"}
	default:
		return &Error{Code: CodeDenied, Message: fmt.Sprintf("%s: a process of user %d answers there, neither yours (%d) nor root's, so it is not talked to", where, p.UID, us)}
	}
}

// openLock does not follow a link, which in a shared directory could lead anywhere.
func openLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link", name)
	}
	return f, err
}

func lockExclusively(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
