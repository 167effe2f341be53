//go:build unix

package socket

import "net"

// What tests of the outside reach.
var (
	DefaultPathFor = defaultPath
	MaxPath        = maxPath
)

// AsUser has the process believe that it is another user.
func AsUser(uid int) (restore func()) {
	was := euid
	euid = func() int { return uid }
	return func() { euid = was }
}

// AnsweredBy has a client believe that a process of that user answers it, and
// that it is one of another itself.
func AnsweredBy(peer, us int) (restore func()) {
	was, back := answering, AsUser(us)
	answering = func(net.Conn) Peer { return Peer{UID: peer, GID: -1, PID: -1, LoginUID: -1} }
	return func() { answering = was; back() }
}
