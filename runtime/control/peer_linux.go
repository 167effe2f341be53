package control

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const peersAreKnown = true

// peerOf asks the kernel who connected. The credentials are those at the time
// of connect and stay so, whatever the process does later.
func peerOf(c net.Conn) Peer {
	var cred *unix.Ucred
	var err error
	if !control(c, func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }) || err != nil {
		return nobody
	}
	return Peer{UID: int(cred.Uid), GID: int(cred.Gid), PID: int(cred.Pid), LoginUID: loginUID(int(cred.Pid))}
}

// control runs f on the file descriptor of c, if it has one.
func control(c net.Conn, f func(fd uintptr)) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	return err == nil && raw.Control(f) == nil
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
