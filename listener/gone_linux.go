package listener

import (
	"net"

	"golang.org/x/sys/unix"
)

const canTellGone = true

// ended says whether the peer has closed its side. What it sent before, such as
// the farewell of TLS, may still wait to be read.
func ended(tcp *net.TCPConn) bool {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(look, 0)
		gone = err == nil && n > 0
	})
	return gone || err != nil
}

// sendChunk is how much of a file is sent before it is counted.
const sendChunk = 1 << 20

// takenOf is what the client has acknowledged. A write returns when there is room
// in the system's queue, which a slow client may take long to make although it
// takes something all the time; and what is spliced may wait for its source.
func takenOf(tcp *net.TCPConn) (t taken, ok bool) {
	if tcp == nil {
		return t, false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return t, false
	}
	raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if ok = err == nil; ok {
			t = taken{bytes: info.Bytes_acked, owing: info.Notsent_bytes > 0 || info.Unacked > 0}
		}
	})
	return t, ok
}
