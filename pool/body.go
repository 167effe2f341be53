package pool

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"sync"
)

// bufferedRequest is up to which length a streamed request body is read whole
// before a backend gets it: the request can then be repeated, and a slow client
// holds no connection to a backend.
const bufferedRequest = 16 << 10

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// takeBody readies the body of the proxied request.
func (x *exchange) takeBody() error {
	if !x.req.IsBodyStream() {
		x.body = x.req.Body()
		return nil
	}
	n := x.req.Header.ContentLength()
	if n < 0 || n > bufferedRequest {
		x.source, x.length = x.req.BodyStream(), n
		return nil
	}
	if cap(x.prefetch) < n {
		x.prefetch = make([]byte, bufferedRequest)
	}
	x.body = x.prefetch[:n]
	if _, err := io.ReadFull(x.req.BodyStream(), x.body); err != nil {
		return sourceError{err}
	}
	return nil
}

// copyFixed sends the source, which is x.length bytes long.
func (x *exchange) copyFixed(w *bufio.Writer, c *conn) error {
	return x.pump(c, int64(x.length), func(b []byte) error {
		_, err := w.Write(b)
		return err
	})
}

// copyChunked sends the source as it comes, in chunks.
func (x *exchange) copyChunked(w *bufio.Writer, c *conn) error {
	err := x.pump(c, -1, func(b []byte) error {
		_, _ = w.Write(strconv.AppendInt(w.AvailableBuffer(), int64(len(b)), 16))
		_, _ = w.Write(crlf)
		_, _ = w.Write(b)
		_, _ = w.Write(crlf)
		return w.Flush() // whoever sends piecemeal wants the pieces to arrive
	})
	if err == nil {
		_, err = w.WriteString("0\r\n\r\n")
	}
	return err
}

// pump passes n bytes of the source, or all if n is negative, to write.
func (x *exchange) pump(c *conn, n int64, write func([]byte) error) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for n != 0 {
		b := *buf
		if n > 0 && n < int64(len(b)) {
			b = b[:n]
		}
		got, err := x.source.Read(b)
		if got > 0 {
			// The clock runs for the backend, not while the client takes its time.
			c.progress()
			if err := write(b[:got]); err != nil {
				return err
			}
			n -= int64(got)
		}
		switch {
		case err == io.EOF && n > 0:
			return sourceError{io.ErrUnexpectedEOF}
		case err == io.EOF:
			return nil
		case err != nil:
			return sourceError{err}
		}
	}
	return nil
}

// clientFault reports whether err is the fault of who sent the request.
func clientFault(err error) bool {
	var s sourceError
	return errors.As(err, &s)
}
