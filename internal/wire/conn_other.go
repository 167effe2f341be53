//go:build !linux

package wire

import "net"

// Conn is Go's own way of reading and writing.
type Conn struct{ tcp *net.TCPConn }

// New is nil if tcp is.
func New(tcp *net.TCPConn) *Conn {
	if tcp == nil {
		return nil
	}
	return &Conn{tcp}
}

// Read reads what there is, and waits if that is nothing.
func (c *Conn) Read(p []byte) (int, error) { return c.tcp.Read(p) }

// Write writes all of p unless it fails.
func (c *Conn) Write(p []byte, more bool) (int, error) { return c.tcp.Write(p) }
