package pool

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"
)

// bufferedRequest is up to which length a request body is read whole before a
// backend gets it: the request can then be repeated, and a client that sends half
// of it and waits holds no connection to a backend.
const bufferedRequest = 64 << 10

const copyBuffer = 32 << 10

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}

// takeBody readies the body of the proxied request.
func (x *exchange) takeBody() error {
	if !x.req.IsBodyStream() {
		x.body = x.req.Body()
		return nil
	}
	stream, n := x.req.BodyStream(), x.req.Header.ContentLength()
	if n > bufferedRequest {
		x.source, x.length = stream, n
		return nil
	}
	whole, err := x.prefetchBody(stream, n)
	switch {
	case err != nil:
		return sourceError{err}
	case whole:
		x.body = x.prefetch
	default:
		x.source, x.length = io.MultiReader(bytes.NewReader(x.prefetch), stream), -1
	}
	return nil
}

// prefetchBody reads a body of n bytes, of unknown length if n is negative, or so
// much of it as is read before a backend is asked.
func (x *exchange) prefetchBody(r io.Reader, n int) (whole bool, err error) {
	b := slices.Grow(x.prefetch[:0], min(max(n, minPrefetch), maxPrefetch))
	defer func() { x.prefetch = b }()
	for len(b) != n && len(b) < bufferedRequest {
		b = slices.Grow(b, 1)
		free := b[len(b):min(cap(b), bufferedRequest)]
		if n >= 0 {
			free = free[:min(len(free), n-len(b))]
		}
		got, err := r.Read(free)
		b = b[:len(b)+got]
		switch {
		case err == io.EOF && n > len(b):
			return false, io.ErrUnexpectedEOF
		case err == io.EOF:
			return true, nil
		case err != nil:
			return false, err
		}
	}
	return len(b) == n, nil
}

// minPrefetch is what a body takes at first that does not say its length, and
// maxPrefetch what one takes that does: it may never come.
const (
	minPrefetch = 4 << 10
	maxPrefetch = 16 << 10
)

// copyFixed sends the source, which is x.length bytes long.
func (x *exchange) copyFixed(w *bufio.Writer) error {
	return x.pump(int64(x.length), func(b []byte) error {
		_, _ = w.Write(b)
		return w.Flush() // whoever sends piecemeal wants the pieces to arrive
	})
}

// copyChunked sends the source as it comes, in chunks.
func (x *exchange) copyChunked(w *bufio.Writer) error {
	err := x.pump(-1, func(b []byte) error {
		_, _ = w.Write(strconv.AppendInt(w.AvailableBuffer(), int64(len(b)), 16))
		_, _ = w.Write(crlf)
		_, _ = w.Write(b)
		_, _ = w.Write(crlf)
		return w.Flush()
	})
	if err == nil {
		_, err = w.WriteString("0\r\n\r\n")
	}
	return err
}

// pump passes n bytes of the source, or all if n is negative, to write.
func (x *exchange) pump(n int64, write func([]byte) error) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for n != 0 {
		b := *buf
		if n > 0 && n < int64(len(b)) {
			b = b[:n]
		}
		got, err := x.source.Read(b)
		if got > 0 {
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
