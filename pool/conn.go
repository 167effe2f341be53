package pool

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is a connection to a backend. It belongs to the request it is lent to,
// and while idle to the pool.
type conn struct {
	net.Conn
	backend *backend
	reused  bool      // served a request before
	since   time.Time // idle since
	closed  bool

	// patience bounds each wait for the backend, limit is when all ends; a zero
	// one does not. armed is when the deadline was set last.
	patience time.Duration
	limit    time.Time
	armed    time.Time

	// What happened since begin.
	sent, got int64
	err       error // the first error of the network

	raw   syscall.RawConn // nil where probing is not possible
	quiet bool            // result of probe
	probe func(fd uintptr)
}

func newConn(nc net.Conn, b *backend) *conn {
	b.counters.Open.Add(1)
	c := &conn{Conn: nc, backend: b}
	c.preparePeek()
	return c
}

// close closes the connection once.
func (c *conn) close() {
	if c.closed {
		return
	}
	c.closed = true
	_ = c.Conn.Close()
	dec(&c.backend.counters.Open)
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		c.close()
	}
}

// begin prepares the connection for a request.
func (c *conn) begin(patience time.Duration, limit time.Time) {
	c.patience, c.limit = patience, limit
	c.sent, c.got, c.err = 0, 0, nil
	c.rearm(time.Now())
}

// rearm starts the wait for the backend anew.
func (c *conn) rearm(now time.Time) {
	c.armed = now
	deadline := c.limit
	if c.patience > 0 {
		deadline = now.Add(c.patience)
		if !c.limit.IsZero() && c.limit.Before(deadline) {
			deadline = c.limit
		}
	}
	c.note(c.SetDeadline(deadline))
}

// progress rearms when a good part of the patience has passed since the last
// time: setting a deadline for every piece of a body would cost more than
// copying it.
func (c *conn) progress() {
	if c.patience <= 0 {
		return
	}
	if now := time.Now(); now.Sub(c.armed) > c.patience/8 {
		c.rearm(now)
	}
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got += int64(n)
	c.note(err)
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent += int64(n)
	c.note(err)
	return n, err
}

func (c *conn) note(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *conn) timedOut() bool { return errors.Is(c.err, os.ErrDeadlineExceeded) }

// Buffers are lent for the time of a request, so an idle connection holds none.
// A response header must fit into the reader's.
const (
	readBuffer  = 16 << 10
	writeBuffer = 4 << 10
)

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, writeBuffer) }}
)

func lendReader(c *conn) *bufio.Reader {
	r := readers.Get().(*bufio.Reader)
	r.Reset(c)
	return r
}

func returnReader(r *bufio.Reader) {
	r.Reset(nil)
	readers.Put(r)
}

func lendWriter(c *conn) *bufio.Writer {
	w := writers.Get().(*bufio.Writer)
	w.Reset(c)
	return w
}

func returnWriter(w *bufio.Writer) {
	w.Reset(nil)
	writers.Put(w)
}
