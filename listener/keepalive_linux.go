package listener

import (
	"net"
	"os"
	"reflect"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inheritedKeepAlive is how silent peers are probed as connections inherit it from the
// socket that they are accepted from. To set it for each of them takes Go four
// calls, and us one more.
type inheritedKeepAlive struct {
	raw    syscall.RawConn // nil where nothing is inherited
	period time.Duration
	since  int64 // ticks, when that was set
}

// What Go sets for connections accepted beside the time before the first probe.
const (
	keepAliveIdle     = 15 * time.Second // where the limits do not say
	keepAliveInterval = 15               // seconds
	keepAliveCount    = 9
)

// begin has ln leave to the system how its connections are probed, unless it was
// told otherwise by who made it. Nothing is accepted from it yet.
func (b *inheritedKeepAlive) begin(ln net.Listener, period time.Duration) {
	if lent, ok := ln.(interface{ Unwrap() *net.TCPListener }); ok {
		ln = lent.Unwrap()
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok || !listenConfig.known {
		return
	}
	config := listenConfig.of(tcp)
	if config.KeepAlive != 0 || config.KeepAliveConfig.Enable {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	b.raw = raw
	if b.set(period); b.raw != nil {
		config.KeepAlive = -1
	}
}

// set changes the inheritance of connections to come.
func (b *inheritedKeepAlive) set(period time.Duration) {
	if b.raw == nil {
		return
	}
	b.period, b.since = period, ticks()
	var err error
	closed := b.raw.Control(func(fd uintptr) { err = setSocketKeepAlive(int(fd), period) })
	if closed != nil || err != nil {
		b.raw = nil
	}
}

func setSocketKeepAlive(fd int, period time.Duration) error {
	if period < 0 {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	if period == 0 {
		period = keepAliveIdle
	}
	seconds := int((period + time.Second - 1) / time.Second)
	for _, o := range [][2]int{{unix.TCP_KEEPIDLE, seconds}, {unix.TCP_KEEPINTVL, keepAliveInterval}, {unix.TCP_KEEPCNT, keepAliveCount}} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, o[0], o[1]); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1))
}

// active says whether connections have what they inherit, and nothing else.
func (b *inheritedKeepAlive) active() bool { return b.raw != nil }

// queued is how long a connection may have waited to be accepted, and then has
// inherited what was to be inherited before.
const queued = 10 * time.Second

// holds says whether a connection accepted now is probed as the limits want it.
func (b *inheritedKeepAlive) holds(l *Limits, now int64) bool {
	return b.period == l.KeepAlivePeriod && l.AcceptRate == 0 && now-b.since > int64(queued)
}

// listenConfig is where a listener has what it was made with, which it tells
// nobody and which cannot be given to one made of a descriptor. It is not known
// where the types are not those that were looked at when this was written.
var listenConfig = func() (at fieldAt) {
	f, ok := reflect.TypeFor[net.TCPListener]().FieldByName("lc")
	return fieldAt{f.Offset, ok && f.Type == reflect.TypeFor[net.ListenConfig]()}
}()

type fieldAt struct {
	offset uintptr
	known  bool
}

func (at fieldAt) of(ln *net.TCPListener) *net.ListenConfig {
	return (*net.ListenConfig)(unsafe.Add(unsafe.Pointer(ln), at.offset))
}
