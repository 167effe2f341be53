//go:build !linux

package listener

import (
	"net"
	"time"
)

// idlePoller are the connections that wait without a goroutine: none here.
type idlePoller struct{}

func (*idlePoller) add(*conn) bool { return false }
func (*idlePoller) remove(*conn)   {}
func (*idlePoller) stop()          {}

// inheritedKeepAlive is nothing where connections inherit nothing.
type inheritedKeepAlive struct{}

func (*inheritedKeepAlive) begin(net.Listener, time.Duration) {}
func (*inheritedKeepAlive) set(time.Duration)                 {}
func (*inheritedKeepAlive) active() bool                      { return false }
func (*inheritedKeepAlive) holds(*Limits, int64) bool         { return false }

// sendChunk is how much of a file is sent before it is counted, which is all that
// is known of its progress.
const sendChunk = 128 << 10

func takenOf(*net.TCPConn) (taken, bool) { return taken{}, false }
