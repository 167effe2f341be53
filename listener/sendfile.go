package listener

import (
	"io"
	"net"
	"os"
	"sync"
)

// ReadFrom lets the kernel send files and splice connections, which a wrapped
// connection would otherwise copy through user space.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	if c.tcp == nil || c.tls != nil || !direct(r) {
		return c.copyFrom(r)
	}
	var done int64
	for {
		n, err := c.sendSome(r)
		done += n
		if err != nil && c.stale(err) {
			continue
		}
		if err != nil || n < sendChunk {
			c.undelivered(err)
			return done, err
		}
	}
}

// sendSome sends up to a chunk of r. The kernel wants to see the file with at
// most one limit around it.
func (c *conn) sendSome(r io.Reader) (int64, error) {
	chunk := &io.LimitedReader{R: r, N: sendChunk}
	outer, limited := r.(*io.LimitedReader)
	if limited {
		chunk.R, chunk.N = outer.R, min(outer.N, sendChunk)
	}
	c.writing.Store(true)
	n, err := c.tcp.ReadFrom(chunk)
	c.writing.Store(false)
	if limited {
		outer.N -= n
	}
	c.wrote(int(n))
	return n, err
}

// direct says whether the kernel can move what r reads.
func direct(r io.Reader) bool {
	if l, ok := r.(*io.LimitedReader); ok {
		r = l.R
	}
	switch r.(type) {
	case *os.File, *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func (c *conn) copyFrom(r io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(writerOnly{c}, r, buf[:])
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }
