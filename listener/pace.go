package listener

import (
	"sync/atomic"
	"time"
)

// pace is how fast a client lets somebody go on who waits for it: a reader of a
// request body, or a writer of a response. Only waiting counts, so that a handler
// which does something else does its client no harm. late is the sweeper's.
type pace struct {
	since         atomic.Int64 // when the wait under way began; 0 for none
	waited, bytes atomic.Int64

	fromWaited, fromBytes int64
}

func (p *pace) begin() { p.since.Store(ticks()) }

func (p *pace) end(n int) {
	p.waited.Add(ticks() - p.since.Load())
	p.since.Store(0)
	p.bytes.Add(int64(n))
}

// late reports whether nothing has moved for bound, or too little for the grace.
func (p *pace) late(limits *Limits, bound time.Duration, now int64) bool {
	waited, wait := p.waited.Load(), int64(0) // in this order, no wait counts twice
	if since := p.since.Load(); since != 0 {
		wait = now - since
	}
	if bound > 0 && time.Duration(wait) >= bound {
		return true
	}
	bytes := p.bytes.Load()
	waited += wait
	if time.Duration(waited-p.fromWaited) < limits.MinRateGrace {
		return false
	}
	slow := tooSlow(limits, bytes-p.fromBytes, time.Duration(waited-p.fromWaited), bound)
	p.fromWaited, p.fromBytes = waited, bytes
	return slow
}
