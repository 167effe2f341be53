//go:build !linux

package listener

import (
	"net"
	"time"
)

// rests are the connections that wait without a goroutine: none here.
type rests struct{}

func (*rests) add(*conn) bool { return false }
func (*rests) remove(*conn)   {}
func (*rests) stop()          {}

// sendChunk is how much of a file is sent before it is counted, which is all that
// is known of its progress.
const sendChunk = 128 << 10

func takenOf(*net.TCPConn) (taken, bool) { return taken{}, false }

// bequest is nothing where connections inherit nothing.
type bequest struct{}

func (*bequest) begin(net.Listener, time.Duration) {}
func (*bequest) set(time.Duration)                 {}
func (*bequest) begun() bool                       { return false }
func (*bequest) holds(*Limits, int64) bool         { return false }
