package pool

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// stream is the body of a response that is passed on while it arrives. It holds
// the connection until its end was read, or until it is closed. One goroutine at a
// time reads from it.
type stream struct {
	pool *Pool
	conn *conn
	// resp is the response the body belongs to, inner takes the framing off.
	resp, inner *fasthttp.Response
	reader      *bufio.Reader

	client Client      // whom it is for; may be nil
	stop   func() bool // ends that the connection closes with the caller; may be nil

	end    error // what was read last: io.EOF if the body is whole; nil before
	reuse  bool  // the connection is good for another request after a whole body
	closed atomic.Bool
	ahead  *ahead // what passes it on; nil before

	mu      sync.Mutex
	given   bool // the connection was given back
	aborted bool // it was closed under who reads
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
	switch {
	case s.closed.Load():
		return 0, io.ErrClosedPipe
	case s.end != nil:
		return 0, s.end
	}
	s.conn.progress()
	n, err := s.inner.BodyStream().Read(b)
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF:
		s.passTrailers()
	default:
		s.fail(err)
		if s.conn.timedOut() {
			err = errors.Join(ErrTimeout, err)
		}
	}
	s.end = err
	s.giveBack()
	return n, err
}

// SupportsBodyWriteTo tells the server to use WriteTo.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// WriteTo passes the body on, ahead of a client that is slow to take it.
func (s *stream) WriteTo(w io.Writer) (n int64, err error) {
	s.ahead = newAhead(s)
	return s.ahead.writeTo(w)
}

func (s *stream) fail(err error) {
	switch {
	case s.isAborted(): // for who asked for it
	case s.conn.err == errClientGone:
		s.client.Canceled()
	case s.stop != nil && !s.stop(): // the caller has left, which closed the connection
	default:
		s.pool.failed(s.conn.backend, kindOfBody(s.conn), err)
		if s.client != nil {
			s.client.BackendFailed()
		}
	}
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
	if s.ahead != nil {
		s.ahead.close(s.abort)
	}
	if s.closed.Swap(true) {
		return nil
	}
	s.giveBack()
	return nil
}

// abort ends a read under way in another goroutine.
func (s *stream) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.given {
		s.aborted = true
		_ = s.conn.Conn.Close()
	}
}

func (s *stream) isAborted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.aborted
}

// giveBack gives the connection back, once.
func (s *stream) giveBack() {
	s.mu.Lock()
	given := s.given
	s.given = true
	s.mu.Unlock()
	if given {
		return
	}
	if s.stop != nil && !s.stop() {
		s.reuse = false
	}
	_ = s.inner.CloseBodyStream()
	fasthttp.ReleaseResponse(s.inner)
	reuse := s.end == io.EOF && s.reuse && !s.aborted && s.reader.Buffered() == 0
	returnReader(s.reader)
	s.pool.release(s.conn, reuse)
}
