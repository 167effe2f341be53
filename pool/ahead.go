package pool

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// A client that takes its time to read a response should not hold a connection to
// a backend for as long. Of a response that is passed on while it arrives, as much
// is read ahead as these allow, from when the client has been slow for once, and
// the connection is given back when its end was read. A megabyte is the whole of
// most responses, and what Envoy keeps for a connection; all together bounds what
// clients that do not read can make a process keep.
const (
	aheadOfOne = 1 << 20
	aheadOfAll = 128 << 20
	slowAfter  = 100 * time.Millisecond // within one write to the client
)

// aheadNow is how many bytes this process has read ahead, in whole blocks.
var aheadNow atomic.Int64

// ahead passes a stream on to its client. It reads and writes by turns until a
// write takes long; from then on a goroutine reads.
type ahead struct {
	s     *stream
	timer *time.Timer

	mu      sync.Mutex
	changed sync.Cond
	writes  int // begun
	writing bool
	seen    int // writes when the timer looked last
	closed  bool
	blocks  []block
	err     error         // why there is nothing more to be read
	done    chan struct{} // closed when the goroutine ends; nil without one
}

// block is a part of a copy buffer.
type block struct {
	buf *[]byte
	n   int
}

func newAhead(s *stream) *ahead {
	a := &ahead{s: s}
	a.changed.L = &a.mu
	return a
}

// writeTo passes the stream on to w in pieces as large as come.
func (a *ahead) writeTo(w io.Writer) (n int64, err error) {
	a.mu.Lock()
	a.timer = time.AfterFunc(slowAfter, a.look)
	a.mu.Unlock()
	defer a.timer.Stop()
	own := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(own)
	for {
		b, end := a.next(own)
		if b.n > 0 {
			var put int
			put, err = w.Write((*b.buf)[:b.n])
			n += int64(put)
		}
		a.wrote(b, own)
		switch {
		case err != nil:
			return n, err
		case end == io.EOF:
			return n, nil
		case end != nil:
			return n, end
		}
	}
}

// next gives the next part of the stream: read into own, or one read ahead.
func (a *ahead) next(own *[]byte) (b block, end error) {
	a.mu.Lock()
	if a.done == nil {
		a.mu.Unlock()
		got, err := a.s.Read(*own)
		a.mu.Lock()
		a.writes, a.writing = a.writes+1, err == nil // behind the end there is nothing to read ahead
		a.mu.Unlock()
		return block{own, got}, err
	}
	defer a.mu.Unlock()
	for len(a.blocks) == 0 && a.err == nil {
		a.changed.Wait()
	}
	if len(a.blocks) == 0 {
		return block{}, a.err
	}
	b = a.blocks[0]
	a.blocks = a.blocks[1:]
	a.changed.Signal()
	return b, nil
}

// wrote takes back what next gave.
func (a *ahead) wrote(b block, own *[]byte) {
	a.mu.Lock()
	a.writing = false
	a.mu.Unlock()
	if b.buf != nil && b.buf != own {
		drop(b)
	}
}

func drop(b block) {
	aheadNow.Add(-int64(len(*b.buf)))
	copyBuffers.Put(b.buf)
}

// look is called by the timer. It begins to read ahead if the client is slow.
func (a *ahead) look() {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed || a.done != nil:
	case a.writing && a.writes == a.seen:
		a.done = make(chan struct{})
		go a.read()
	default:
		a.seen = a.writes
		a.timer.Reset(slowAfter)
	}
}

// read reads ahead until the end.
func (a *ahead) read() {
	defer close(a.done)
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for a.mayRead() {
		n, err := a.s.Read(*buf)
		a.mu.Lock()
		a.keep((*buf)[:n])
		a.err = err
		a.changed.Signal()
		a.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// mayRead waits until there is room, and reports whether more is wanted. One block
// has room always: it is what a stream has that is not read ahead.
func (a *ahead) mayRead() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closed && len(a.blocks) > 0 && (len(a.blocks) >= aheadOfOne/copyBuffer || aheadNow.Load() >= aheadOfAll) {
		a.changed.Wait()
	}
	return !a.closed
}

// keep adds p to what was read. a.mu is held.
func (a *ahead) keep(p []byte) {
	if last := len(a.blocks) - 1; last >= 0 {
		b := &a.blocks[last]
		n := copy((*b.buf)[b.n:], p)
		b.n += n
		p = p[n:]
	}
	if len(p) > 0 {
		b := block{buf: copyBuffers.Get().(*[]byte)}
		aheadNow.Add(int64(len(*b.buf)))
		b.n = copy(*b.buf, p)
		a.blocks = append(a.blocks, b)
	}
}

// close ends reading ahead; hangUp ends a read under way.
func (a *ahead) close(hangUp func()) {
	a.mu.Lock()
	a.closed = true
	a.changed.Broadcast()
	a.mu.Unlock()
	if a.done == nil {
		return
	}
	select {
	case <-a.done:
	default:
		hangUp()
		<-a.done
	}
	for _, b := range a.blocks {
		drop(b)
	}
	a.blocks = nil
}
