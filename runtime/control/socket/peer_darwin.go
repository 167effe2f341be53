package socket

import "golang.org/x/sys/unix"

func peerOf(fd int) Peer {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Unknown
	}
	p := Peer{UID: int(cred.Uid), GID: -1, PID: -1, LoginUID: -1}
	if cred.Ngroups > 0 {
		p.GID = int(cred.Groups[0])
	}
	if pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil {
		p.PID = pid
	}
	return p
}
