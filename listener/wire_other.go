//go:build !linux

package listener

import "net"

// wireIO is Go's own way of reading and writing.
type wireIO struct{ tcp *net.TCPConn }

func newWireIO(tcp *net.TCPConn) *wireIO {
	if tcp == nil {
		return nil
	}
	return &wireIO{tcp}
}

func (w *wireIO) read(p []byte) (int, error)             { return w.tcp.Read(p) }
func (w *wireIO) write(p []byte, more bool) (int, error) { return w.tcp.Write(p) }
