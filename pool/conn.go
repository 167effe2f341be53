package pool

import (
	"bufio"
	"errors"
	"io"
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
	// is not moved for each request, but when it has passed, and it comes every
	// lookEvery if there is a client to look after. armed is when due was set.
	alarm, armed int64
	client       Client  // whom the request came from; may be nil
	upload       *upload // of a request that is not sent yet; else nil
	begun        int64   // when the request was, in ticks

	// What happened since begin.
	sent, got int64
	err       error // the first error of the network, or errClientGone

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

// begin prepares the connection for a request of client, which may be nil.
func (c *conn) begin(client Client, patience time.Duration, limit time.Time, now int64) {
	c.client, c.begun = client, now
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
	next := c.nextAlarm(now)
	if next != 0 && c.alarm > now && c.alarm <= next || next == c.alarm {
		return // it is soon enough
	}
	c.setAlarm(next)
}

// nextAlarm is when the wait ends or the client is looked after, 0 for never.
func (c *conn) nextAlarm(now int64) int64 {
	look := now + int64(lookEvery)
	if c.client != nil && (c.due == 0 || c.due > look) {
		return look
	}
	return c.due
}

func (c *conn) setAlarm(ticks int64) {
	var at time.Time
	if ticks != 0 {
		at = epoch.Add(time.Duration(ticks))
	}
	c.alarm = ticks
	c.note(c.SetDeadline(at))
}

// unbind lets all waits take as long as they do, and leaves deadlines to others.
func (c *conn) unbind() {
	c.client, c.patience, c.due = nil, 0, 0
	c.setAlarm(0)
}

// early says whether err is that of a deadline which passed before the wait was
// over, and sets it anew unless the client has left.
func (c *conn) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if c.upload != nil { // it is what set the deadline
		<-c.upload.done
		return c.uploaded(c.upload)
	}
	now := ticks()
	if c.due != 0 && now >= c.due {
		return false
	}
	if c.client != nil && now-c.begun >= int64(lookEvery) && c.client.Gone() {
		c.note(errClientGone)
		return false
	}
	c.setAlarm(c.nextAlarm(now))
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

func lendWriter(c io.Writer) *bufio.Writer {
	w := writers.Get().(*bufio.Writer)
	w.Reset(c)
	return w
}

func returnWriter(w *bufio.Writer) {
	w.Reset(nil)
	writers.Put(w)
}
