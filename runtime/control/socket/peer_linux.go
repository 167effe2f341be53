package socket

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func peerOf(fd int) Peer {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Unknown
	}
	return Peer{UID: int(cred.Uid), GID: int(cred.Gid), PID: int(cred.Pid), LoginUID: loginUID(int(cred.Pid))}
}

// loginUID is -1 where there was no login, as for services, and where it cannot be read.
func loginUID(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/loginuid", pid))
	if err != nil {
		return -1
	}
	const unset = 1<<32 - 1
	uid, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil || uid == unset {
		return -1
	}
	return int(uid)
}
