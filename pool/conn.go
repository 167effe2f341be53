package pool

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/internal/wire"
)

// conn is a connection to a backend. It belongs to the request it is lent to,
// and while idle to the pool.
type conn struct {
	net.Conn
	io      *wire.Conn // the same, nil if it is not TCP
	backend *backend
	reused  bool  // served a request before
	since   int64 // idle since, in ticks
	closed  bool

	// patience bounds each wait for the backend, limit is when all ends; a zero
	// one does not. due is when the present wait ends, in ticks, 0 for never.
	patience time.Duration
	limit    time.Time
	due      int64
	// alarm is the deadline of the socket, 0 for none. It may come too early: it
	// is not moved for each request, but when it has passed. armed is when due was
	// set.
	alarm, armed int64

	// What happened since begin.
	sent, got int64
	err       error // the first error of the network

	raw   syscall.RawConn // nil where probing is not possible
	quiet bool            // result of probe
	probe func(fd uintptr)
}

var epoch = time.Now()

// ticks is the monotonic time since the process began, in nanoseconds.
func ticks() int64 { return int64(time.Since(epoch)) }

func newConn(nc net.Conn, b *backend) *conn {
	b.counters.Open.Add(1)
	c := &conn{Conn: nc, backend: b}
	tcp, _ := nc.(*net.TCPConn)
	if c.io = wire.New(tcp); c.io != nil {
		c.io.Exact() // who waits for an end that is there already waits long
	}
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
func (c *conn) begin(patience time.Duration, limit time.Time, now int64) {
	c.patience, c.limit = patience, limit
	c.sent, c.got, c.err = 0, 0, nil
	c.rearm(now)
}

// rearm starts the wait for the backend anew.
func (c *conn) rearm(now int64) {
	c.armed, c.due = now, 0
	if c.patience > 0 {
		c.due = now + int64(c.patience)
	}
	if !c.limit.IsZero() {
		if limit := int64(c.limit.Sub(epoch)); c.due == 0 || limit < c.due {
			c.due = max(limit, 1)
		}
	}
	if c.due != 0 && c.alarm > now && c.alarm <= c.due || c.due == c.alarm {
		return // it is soon enough
	}
	c.setAlarm()
}

// setAlarm sets the deadline of the socket to when the wait ends.
func (c *conn) setAlarm() {
	var at time.Time
	if c.due != 0 {
		at = epoch.Add(time.Duration(c.due))
	}
	c.alarm = c.due
	c.note(c.SetDeadline(at))
}

// unbind lets all waits take as long as they do, and leaves deadlines to others.
func (c *conn) unbind() {
	c.due = 0
	c.setAlarm()
}

// early says whether err is that of a deadline which passed before the wait was
// over, and sets it anew.
func (c *conn) early(err error) bool {
	if c.alarm == c.due || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.setAlarm()
	return c.err == nil
}

// progress rearms when a good part of the patience has passed since the last
// time.
func (c *conn) progress() {
	if c.patience <= 0 {
		return
	}
	if now := ticks(); now-c.armed > int64(c.patience)/8 {
		c.rearm(now)
	}
}

func (c *conn) Read(p []byte) (n int, err error) {
	for {
		if c.io != nil {
			n, err = c.io.Read(p)
		} else {
			n, err = c.Conn.Read(p)
		}
		c.got += int64(n)
		if n > 0 || !c.early(err) {
			c.note(err)
			return n, err
		}
	}
}

func (c *conn) Write(p []byte) (done int, err error) {
	for {
		var n int
		if c.io != nil {
			n, err = c.io.Write(p[done:], false)
		} else {
			n, err = c.Conn.Write(p[done:])
		}
		done += n
		c.sent += int64(n)
		if !c.early(err) {
			c.note(err)
			return done, err
		}
	}
}

// await waits for the answer to a request that was sent.
func (c *conn) await() {
	if c.io != nil {
		c.io.Await()
	}
}

func (c *conn) note(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *conn) timedOut() bool { return errors.Is(c.err, os.ErrDeadlineExceeded) }

// Buffers are lent for the time of a request, so an idle connection holds none.
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
	if r.Size() != readBuffer {
		return // made for one large header
	}
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
