package pool

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// stream is the body of a response that is passed on while it arrives. It holds
// the connection until it is closed.
type stream struct {
	pool *Pool
	conn *conn
	// resp is the response the body belongs to, inner takes the framing off.
	resp, inner *fasthttp.Response
	reader      *bufio.Reader

	client Client      // whom it is for; may be nil
	stop   func() bool // ends that the connection closes with the caller; may be nil

	whole  bool // the end of the body was read
	reuse  bool // the connection is good for another request after that
	failed bool
	closed atomic.Bool
}

// stream makes the body in r a stream of the response.
func (p *Pool) stream(x *exchange, c *conn, r *bufio.Reader) {
	n := x.resp.Header.ContentLength()
	inner := fasthttp.AcquireResponse()
	inner.StreamBody = true
	inner.Header.SetContentLength(n)
	_ = inner.ReadBody(r, 0) // reads nothing yet
	s := &stream{pool: p, conn: c, resp: x.resp, inner: inner, reader: r, client: x.client}
	if lasting(&x.resp.Header) {
		c.patience = 0
		c.rearm(ticks())
	}
	x.resp.SetBodyStream(s, max(n, -1))
	// Of unknown length often means slow to come: events, progress.
	x.resp.ImmediateHeaderFlush = n < 0
}

// lasting reports whether the response says that it is a stream of events, which
// may be silent for as long as nothing happens.
func lasting(h *fasthttp.ResponseHeader) bool {
	kind, _, _ := bytes.Cut(h.ContentType(), semicolon)
	kind = bytes.TrimSpace(kind)
	switch {
	case is(kind, "text/event-stream"), is(kind, "multipart/x-mixed-replace"),
		is(kind, "application/x-ndjson"), is(kind, "application/stream+json"):
		return true
	case len(kind) >= len(grpc) && is(kind[:len(grpc)], grpc):
		return true
	}
	return is(h.Peek("X-Accel-Buffering"), "no")
}

const grpc = "application/grpc"

var semicolon = []byte(";")

// Read reads the body, without its framing.
func (s *stream) Read(b []byte) (int, error) {
	if s.closed.Load() {
		return 0, io.ErrClosedPipe
	}
	s.conn.progress()
	n, err := s.inner.BodyStream().Read(b)
	switch {
	case err == io.EOF:
		s.whole = true
		s.passTrailers()
	case err != nil:
		s.fail()
		if s.conn.timedOut() {
			err = errors.Join(ErrTimeout, err)
		}
	}
	return n, err
}

// SupportsBodyWriteTo tells the server to use WriteTo.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// WriteTo passes the body on in pieces as large as come, larger than the
// server's own buffer.
func (s *stream) WriteTo(w io.Writer) (n int64, err error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		got, err := s.Read(*buf)
		if got > 0 {
			put, err := w.Write((*buf)[:got])
			n += int64(put)
			if err != nil {
				return n, err
			}
		}
		switch err {
		case nil:
		case io.EOF:
			return n, nil
		default:
			return n, err
		}
	}
}

func (s *stream) fail() {
	switch {
	case s.failed:
		return
	case s.conn.err == errClientGone:
		s.client.Canceled()
	case s.stop != nil && !s.stop(): // the caller has left, which closed the connection
	default:
		s.conn.backend.counters.Errors.Add(1)
		if s.client != nil {
			s.client.BackendFailed()
		}
	}
	s.failed = true
}

// passTrailers hands on the trailer fields that the response announced.
func (s *stream) passTrailers() {
	for _, key := range s.inner.Header.PeekTrailerKeys() {
		s.resp.Header.SetBytesKV(key, s.inner.Header.PeekBytes(key))
	}
}

// Close gives the connection back; if the body was not read to its end, it
// cannot be used again.
func (s *stream) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if s.stop != nil && !s.stop() {
		s.reuse = false
	}
	_ = s.inner.CloseBodyStream()
	fasthttp.ReleaseResponse(s.inner)
	reuse := s.whole && s.reuse && s.reader.Buffered() == 0
	returnReader(s.reader)
	s.pool.release(s.conn, reuse)
	return nil
}
