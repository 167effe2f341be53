package listener

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
)

// netBody is the body of a request, with its limits. It may be read by a
// goroutine of the handler's, and even when the handler has returned: who does
// gets an error, and nothing of the exchange is touched any more.
type netBody struct {
	x *netExchange
	r io.ReadCloser
	// engines is the request that the engine knows.
	engines *http.Request

	n       atomic.Int64 // bytes read
	touched atomic.Bool  // by the handler
	refused atomic.Int32 // what the request is answered with instead; 0 for nothing

	// next is held by who reads, and guards what was read before the handler asked
	// for it, and how that ended.
	next     sync.Mutex
	ahead    []byte
	aheadErr error

	mu   sync.Mutex // guards over
	over bool       // the handler has returned
}

func (b *netBody) Read(p []byte) (int, error) {
	b.touched.Store(true)
	b.next.Lock()
	defer b.next.Unlock()
	switch {
	case b.isOver():
		return 0, http.ErrBodyReadAfterClose
	case len(b.ahead) > 0:
		n := copy(p, b.ahead)
		b.ahead = b.ahead[n:]
		return n, nil
	case b.aheadErr != nil:
		return 0, b.aheadErr
	}
	return b.fetch(p)
}

func (b *netBody) Close() error { return b.r.Close() }

func (b *netBody) fetch(p []byte) (int, error) {
	b.x.reading.begin()
	n, err := b.r.Read(p)
	b.x.reading.end(n)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.fetched(n, err)
}

// fetched is what the reader gets to know. The handler has not returned.
func (b *netBody) fetched(n int, err error) (int, error) {
	x := b.x
	got := b.n.Add(int64(n))
	if limit := x.on.s.limits.Load().MaxRequestBytes; limit > 0 && got > limit {
		b.refuse(statusBodyTooLarge)
		return 0, errBodyTooLarge
	}
	switch {
	case err == nil:
	case err == io.EOF:
		if x.r.Trailer != nil {
			maps.Copy(x.r.Trailer, b.engines.Trailer)
		}
		x.bodyDone()
	case x.on.one != nil:
		b.refuse(x.on.one.failed(err))
	case errors.Is(err, os.ErrDeadlineExceeded) && x.slow.Load():
		b.refuse(statusTimeout)
	}
	return n, err
}

func (b *netBody) refuse(status int) { b.refused.CompareAndSwap(0, int32(status)) }

// readAhead reads what is left, or so many bytes of it, for the handler. It says
// whether that was all. It reads nothing while another goroutine does.
func (b *netBody) readAhead(most int) bool {
	if !b.next.TryLock() {
		return false
	}
	defer b.next.Unlock()
	if b.aheadErr != nil {
		return true
	}
	chunk := make([]byte, min(most, 4<<10))
	for len(b.ahead) < most {
		n, err := b.fetch(chunk)
		b.ahead = append(b.ahead, chunk[:n]...)
		if err != nil {
			b.aheadErr = err
			return true
		}
	}
	return false
}

func (b *netBody) isOver() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

// end is called when the handler has returned.
func (b *netBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}
