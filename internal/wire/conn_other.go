//go:build !linux

package wire

import (
	"net"
	"sync/atomic"
)

// Conn is Go's own way of reading and writing.
type Conn struct {
	tcp  *net.TCPConn
	full atomic.Bool
}

// New is nil if tcp is.
func New(tcp *net.TCPConn) *Conn {
	if tcp == nil {
		return nil
	}
	return &Conn{tcp: tcp}
}

// Read reads what there is, and waits if that is nothing.
func (c *Conn) Read(p []byte) (int, error) { return c.tcp.Read(p) }

// Write writes all of p unless it fails.
func (c *Conn) Write(p []byte, more bool) (int, error) {
	c.full.Store(true)
	defer c.full.Store(false)
	return c.tcp.Write(p)
}

// Full reports whether a write may be waiting for the peer.
func (c *Conn) Full() bool { return c.full.Load() }
