package listener

import (
	"encoding/binary"
	"time"
)

// Error codes of RFC 9113, section 7.
const (
	codeNone     = 0
	codeInternal = 2
	codeCancel   = 8
	codeCalm     = 11 // ENHANCE_YOUR_CALM
)

// A client gets so much wasted work for nothing, and so much more a second.
// Honest ones, who stop loading what nobody wants to see any more, stay far below.
const (
	budgetBurst = 1000
	budgetRate  = 33
)

// budget is a token bucket for work that a client causes and that helps nobody.
type budget struct {
	spent float64
	at    int64
}

// spend reports whether there was enough.
func (b *budget) spend(now int64) bool {
	b.spent = max(0, b.spent-time.Duration(now-b.at).Seconds()*budgetRate) + 1
	b.at = now
	return b.spent <= budgetBurst
}

// refund is for each frame of data that is sent, and for each end of a response:
// a client may well answer each with an update of each window and a ping, and the
// last with a reset.
func (b *budget) refund(due bool) {
	if due {
		b.spent = max(0, b.spent-4)
	}
}

// A header may come in so many frames beyond those that its bytes need, and an
// update of a window is expected to be worth so many bytes.
const (
	slackFrames = 8
	leastUpdate = 16
)

// spend charges the client for a frame that carries nothing, and for a request
// that it takes back. m.flows.mu is held.
func (m receivedFrames) spend(kind, flags byte, stream uint32, length int, value uint32) {
	f := &m.flows
	switch kind {
	case frameHeaders, frameContinuation:
		m.spendHeader(flags, length)
		if kind == frameContinuation && length == 0 {
			m.waste(&f.idle)
		}
	case frameReset:
		if _, open := f.open[stream]; open {
			m.waste(&f.resets)
		} else {
			m.waste(&f.idle) // its response was complete, or never asked for
		}
	case frameWindow:
		if value < leastUpdate {
			m.waste(&f.idle)
		}
	case frameData:
		if flags&flagPadded != 0 {
			length -= 1 + int(value>>24)
		}
		if length <= 0 && flags&flagEndStream == 0 {
			m.waste(&f.idle)
		}
	default: // settings, pings, priorities and what nobody knows
		m.waste(&f.idle)
	}
}

// spendHeader bounds the frames and bytes of a header.
func (m receivedFrames) spendHeader(flags byte, length int) {
	b := &m.flows.block
	b.frames++
	b.bytes += length
	limit := h2HeaderSlack * m.conn.s.limits.Load().MaxHeaderBytes
	if b.bytes > limit+maxFrame || b.frames > slackFrames+limit/maxFrame {
		m.end(codeCalm)
	}
	if b.open = true; flags&flagEndHeaders == 0 {
		return
	}
	if b.bytes > limit {
		m.waste(&m.flows.resets) // net/http refuses it
	}
	*b = headerBlock{}
}

// spendReset charges the client for a stream that we reset for its fault: making
// us do so is as cheap for it as doing it itself. m.flows.mu is held.
func (m sentFrames) spendReset(stream uint32, code uint32) {
	if s, ok := m.flows.open[stream]; ok && s.cut || code == codeNone || code == codeInternal || code == codeCancel {
		return
	}
	m.waste(&m.flows.resets)
}

// refused charges the client for a request whose header had to be refused.
func (m *h2) refused() {
	m.flows.mu.Lock()
	defer m.flows.mu.Unlock()
	m.waste(&m.flows.resets)
}

// waste needs m.flows.mu.
func (m *h2) waste(b *budget) {
	if !b.spend(ticks()) {
		m.end(codeCalm)
	}
}

// end ends the connection with an error, in the background.
func (m *h2) end(code uint32) {
	if m.ending.Swap(true) {
		return
	}
	m.conn.s.log.Debug("connection ended", "peer", m.RemoteAddr(), "protocol", "h2", "code", code)
	go m.sayError(code)
}

// farewellTime bounds how long a last word may take to find its place between
// two frames.
const farewellTime = time.Second

// sayError has the client told why the connection ends, then ends it.
func (m *h2) sayError(code uint32) {
	m.flows.mu.Lock()
	last := m.flows.last
	m.flows.mu.Unlock()
	frame := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(frameOf(frameGoAway, 0, 8), last), code)
	for end := time.Now().Add(farewellTime); !m.tryTell(frame) && time.Now().Before(end); {
		time.Sleep(decisionEvery)
	}
	m.parted.Store(true)
	m.interrupt()
	select {
	case <-m.closed:
	case <-time.After(2 * lingerTime): // who reads does something else
		m.conn.kill()
	}
}

// tryTell writes a frame, if that can stand between others now.
func (m *h2) tryTell(frame []byte) bool {
	if !m.writing.TryLock() {
		return false
	}
	defer m.writing.Unlock()
	if !m.frames.between() || m.frames.count == 0 {
		return false
	}
	m.put(frame)
	return true
}
