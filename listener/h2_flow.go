package listener

import (
	"encoding/binary"
	"sync"
	"time"
)

// flows are the requests open on a connection of HTTP/2 as its frames show them:
// from the header of the request to the end of the response, or to a reset, long
// after the handler has returned if the client takes nothing.
//
// They tell a client that stalls from a handler that is silent. net/http sends
// what it has as long as the windows of stream and connection have room. A
// response that is not complete waits for its client if one of them has none.
type flows struct {
	mu      sync.Mutex
	open    map[uint32]flow
	last    uint32 // the highest stream begun
	window  int64  // what the client lets us send on the connection
	initial int64  // what it lets us send on a new stream
	moved   uint64 // counts what changed the window of the connection

	resets, idle budget
	// block is the header that is being received. The reader alone uses it.
	block headerBlock
}

type headerBlock struct {
	open          bool
	frames, bytes int
}

// flow is one request.
type flow struct {
	window    int64
	sent      int64
	answering bool   // the response has begun
	cut       bool   // it is to be reset
	moved     uint64 // counts what changed the window

	// The sweeper's: the count it saw last, since when, and for how long and from
	// how many bytes on the client has been the one to wait for.
	seen   uint64
	since  int64
	waited time.Duration
	from   int64
}

// defaultWindow is the size of a window where nobody says otherwise.
const defaultWindow = 1<<16 - 1

func newFlows() flows {
	return flows{open: map[uint32]flow{}, window: defaultWindow, initial: defaultWindow}
}

// begin notes a new stream. A header on an open one is a trailer.
func (f *flows) begin(stream uint32) {
	if stream > f.last {
		f.last = stream
		f.open[stream] = flow{window: f.initial}
	}
}

// resize applies the initial window of the client's settings to all streams.
func (f *flows) resize(initial int64) {
	for id, s := range f.open {
		s.window += initial - f.initial
		s.moved++
		f.open[id] = s
	}
	f.initial = initial
}

// grow notes an update of a window.
func (f *flows) grow(stream uint32, by int64) {
	if stream == 0 {
		f.window += by
		f.moved++
		return
	}
	if s, ok := f.open[stream]; ok {
		s.window += by
		s.moved++
		f.open[stream] = s
	}
}

// send notes a frame of a response.
func (f *flows) send(stream uint32, data int64, end bool) {
	f.window -= data
	if data > 0 {
		f.moved++
	}
	s, ok := f.open[stream]
	switch {
	case !ok:
	case end:
		delete(f.open, stream)
	default:
		s.answering = true
		s.window -= data
		s.sent += data
		s.moved++
		f.open[stream] = s
	}
}

// stalled gives the streams whose client has made no progress for too long, each
// of them once. stuck says that one that was given is still there.
func (f *flows) stalled(limits *Limits, now int64, elapsed time.Duration) (streams []uint32, stuck bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, s := range f.open {
		moved := s.moved
		if f.window <= 0 {
			moved += f.moved
		}
		blocked := s.answering && (s.window <= 0 || f.window <= 0)
		switch {
		case s.cut:
			stuck = stuck || time.Duration(now-s.since) >= max(patience, limits.Write)
			continue
		case !blocked || moved != s.seen:
			s.seen, s.since = moved, now
		}
		if blocked {
			s.waited += elapsed
		}
		late := limits.Write > 0 && time.Duration(now-s.since) >= limits.Write
		if s.waited >= limits.MinRateGrace {
			late = late || tooSlow(limits, s.sent-s.from, s.waited, limits.Write)
			s.waited, s.from = 0, s.sent
		}
		if late {
			s.cut, s.since = true, now
			streams = append(streams, id)
		}
		f.open[id] = s
	}
	return streams, stuck
}

// tooSlow reports whether a client that was waited for has moved fewer bytes than
// it must. Where a bound is on pauses, none at all is a matter of that.
func tooSlow(limits *Limits, bytes int64, waited, bound time.Duration) bool {
	return (bytes > 0 || bound == 0) && float64(bytes) < float64(limits.MinRate)*waited.Seconds()
}

// wasCut reports whether the stream is to be reset for its client.
func (f *flows) wasCut(stream uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[stream].cut
}

// receivedFrames is what the client says, sentFrames what it is told.
type (
	receivedFrames struct{ *h2 }
	sentFrames     struct{ *h2 }
)

func (m receivedFrames) setting(id uint16, value uint32) {
	const initialWindowSize = 4
	if id != initialWindowSize {
		return
	}
	m.flows.mu.Lock()
	defer m.flows.mu.Unlock()
	m.flows.resize(int64(value))
}

func (m receivedFrames) frame(kind, flags byte, stream uint32, length int, value uint32) {
	f := &m.flows
	f.mu.Lock()
	defer f.mu.Unlock()
	m.spend(kind, flags, stream, length, value)
	switch kind {
	case frameHeaders:
		f.begin(stream)
	case frameWindow:
		f.grow(stream, int64(value))
	case frameReset:
		delete(f.open, stream)
	}
}

func (m sentFrames) setting(uint16, uint32) {}

func (m sentFrames) frame(kind, flags byte, stream uint32, length int, value uint32) {
	f := &m.flows
	f.mu.Lock()
	defer f.mu.Unlock()
	switch kind {
	case frameHeaders, frameData:
		data := 0
		if kind == frameData {
			data = length
		}
		end := flags&flagEndStream != 0
		f.send(stream, int64(data), end)
		f.idle.refund(data > 0 || end)
	case frameReset:
		m.spendReset(stream, value)
		delete(f.open, stream)
	}
}

// cut has net/http reset streams: to it a window update of zero looks like the
// fault of a client for which a stream is to be reset.
func (m *h2) cut(streams []uint32) {
	m.cutAt.Store(ticks())
	for _, id := range streams {
		m.conn.s.counters.TimedOut.Add(1)
		m.insert(binary.BigEndian.AppendUint32(frameOf(frameWindow, id, 4), 0))
	}
}

// cutLately reports whether a stream was reset for its client a moment ago.
func (m *h2) cutLately() bool {
	at := m.cutAt.Load()
	return at != 0 && time.Duration(ticks()-at) < patience
}

// insert has the reader hear frames that the client did not send.
func (m *h2) insert(frame []byte) {
	m.inserting.Lock()
	m.inserted = append(m.inserted, frame...)
	m.inserting.Unlock()
	m.interrupt()
}

// interrupt wakes the reader: it gets a timeout that is not passed on.
func (m *h2) interrupt() {
	m.wanted.Store(true)
	m.conn.raw.SetReadDeadline(past)
}

// takeInserted gives the next bytes of what was inserted. Only between frames of
// the client there can be any.
func (m *h2) takeInserted(p []byte) int {
	if !m.wanted.Load() || !m.heard.between() {
		return 0
	}
	m.inserting.Lock()
	defer m.inserting.Unlock()
	n := copy(p, m.inserted)
	m.inserted = m.inserted[n:]
	m.wanted.Store(len(m.inserted) > 0)
	return n
}

func frameOf(kind byte, stream uint32, length byte) []byte {
	return binary.BigEndian.AppendUint32([]byte{0, 0, length, kind, 0}, stream)
}

// sweep ends what the client keeps from ending. It is called by the sweeper and
// does not block.
func (m *h2) sweep(limits *effectiveLimits, now int64) {
	m.streams.sweep(limits, now)
	elapsed := time.Duration(now - m.swept)
	if m.swept == 0 {
		elapsed = 0
	}
	m.swept = now
	loosest := m.loosest(&limits.Limits)
	streams, stuck := m.flows.stalled(loosest, now, elapsed)
	if len(streams) > 0 {
		m.cut(streams)
	}
	since := m.headerSince.Load()
	switch {
	case m.ending.Load():
	case stuck:
		m.conn.discard()
		m.conn.kill() // neither hears of its resets nor can be told
	case m.writer.stalled(m, loosest, now, elapsed):
		m.conn.s.counters.TimedOut.Add(1)
		m.conn.discard()
		m.conn.kill()
	case since != 0 && limits.ReadHeader > 0 && time.Duration(now-since) >= limits.ReadHeader && m.conn.now().state() != StateNew:
		m.conn.s.counters.TimedOut.Add(1)
		m.end(codeCancel)
	}
}

// writer tells whether a write of the connection makes progress. It is the
// sweeper's.
type writer struct {
	calls  uint64 // begun and ended, when it last looked
	since  int64  // of the last progress
	taken  uint64 // bytes that the client had acknowledged then
	waited time.Duration
	from   uint64
}

// stalled reports whether the client has for too long taken nothing, or too
// little, of what is being written. A write returns when the system's queue has
// room, which a slow client takes long to make; so that queue is looked at.
func (w *writer) stalled(m *h2, limits *Limits, now int64, elapsed time.Duration) bool {
	calls := m.writes.Load()
	if calls != w.calls {
		w.calls, w.since = calls, now
	}
	if calls%2 == 0 {
		return false // nothing is being written
	}
	taken, known := takenOf(m.conn.tcp)
	if taken.bytes != w.taken {
		w.taken, w.since = taken.bytes, now
	}
	if w.waited += elapsed; known && w.waited >= limits.MinRateGrace {
		slow := w.from != 0 && tooSlow(limits, int64(w.taken-w.from), w.waited, limits.Write)
		if w.waited, w.from = 0, w.taken; slow {
			return true
		}
	}
	return limits.Write > 0 && time.Duration(now-w.since) >= limits.Write
}
