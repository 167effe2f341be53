package pool

import (
	"bufio"
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
	s := &stream{pool: p, conn: c, resp: x.resp, inner: inner, reader: r}
	x.resp.SetBodyStream(s, max(n, -1))
	// Of unknown length often means slow to come: events, progress.
	x.resp.ImmediateHeaderFlush = n < 0
}

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
	if !s.failed {
		s.failed = true
		s.conn.backend.counters.Errors.Add(1)
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
	if s.closed.Swap(true) {
		return nil
	}
	_ = s.inner.CloseBodyStream()
	fasthttp.ReleaseResponse(s.inner)
	reuse := s.whole && s.reuse && s.reader.Buffered() == 0
	returnReader(s.reader)
	s.pool.release(s.conn, reuse)
	return nil
}
