//go:build !linux || !go1.26 || go1.27

package listener

import "net"

// newAwait says that there is nothing better than to try and read.
func newAwait(*net.TCPConn) func() { return nil }
