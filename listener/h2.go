package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// h2 is one connection of HTTP/2, and what net/http reads and writes of it. The
// connection has an http.Server of its own, because only those can tell a
// client to leave; its clocks and limits are turned off in favour of ours.
type h2 struct {
	*conn
	streams
	srv   *http.Server
	state *tls.ConnectionState // nil for cleartext

	leaving atomic.Bool
	begun   chan struct{} // closed when the client has begun to speak HTTP/2
	closed  chan struct{}
	told    chan struct{} // closed when the client has read that it must leave
	begin   sync.Once
	tell    sync.Once
	close   sync.Once
	heard   frames // only touched by who reads
	flows   flows

	// What the reader is to hear that the client did not send. wanted is set with
	// it, and to wake the reader; parted tells it that the connection has ended.
	inserting      sync.Mutex
	inserted       []byte
	wanted, parted atomic.Bool
	ending         atomic.Bool // the connection ends with an error

	headerSince atomic.Int64  // when the header being received began; 0 for none
	writes      atomic.Uint64 // begun and ended
	cutAt       atomic.Int64  // when streams were last reset for their client

	// The sweeper alone uses these.
	swept  int64
	writer writer

	// What decides which request is the last one holds up who reads: asking says
	// that all that was read has been dealt with, deciding that what comes has to
	// wait until decided is closed.
	asking   atomic.Bool
	deciding atomic.Bool
	decided  chan struct{}
	decide   sync.Once

	// mu is held while writing and guards what follows.
	writing sync.Mutex
	frames  frames
	bad     malformed
	due     bool // the client is to be told that it must leave soon
}

// maxStreams is how many requests a client may have open at a time, maxFrame the
// longest frame it may send: what the RFC lets everyone send.
const (
	maxStreams = 250
	maxFrame   = 16 << 10
)

// h2HeaderSlack is by how much a header may pass what is allowed and still be
// answered with 431 by us, counted like any request.
const h2HeaderSlack = 2

// serveH2 serves c in the background.
func (s *Server) serveH2(c *conn) {
	m := &h2{conn: c, flows: newFlows(), begun: make(chan struct{}), told: make(chan struct{}), closed: make(chan struct{}), decided: make(chan struct{})}
	m.heard.skip = len(preface)
	m.heard.watch, m.frames.watch, m.bad.cut = receivedFrames{m}, sentFrames{m}, m.flows.wasCut
	m.headerSince.Store(ticks())
	m.streams = streams{
		s: s, requests: &c.requests, remote: c.RemoteAddr(), local: c.LocalAddr(),
		prepare: m.complete, last: m.depart, stalled: m.cutLately, wasted: m.refused, forced: c.killed.Load,
	}
	if session := c.session(); session != nil {
		state := session.ConnectionState()
		m.state = &state
	}
	m.srv = &http.Server{
		Handler:                      &m.streams,
		Protocols:                    new(http.Protocols),
		ConnState:                    m.moved,
		MaxHeaderBytes:               h2HeaderSlack * s.limits.Load().MaxHeaderBytes,
		ErrorLog:                     log.New(debugWriter{s}, "", 0),
		DisableGeneralOptionsHandler: true, // OPTIONS * is a request like any other
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame, PermitProhibitedCipherSuites: true,
		},
	}
	m.srv.Protocols.SetUnencryptedHTTP2(true) // in net/http's eyes: TLS is below
	c.mux.Store(m)
	m.srv.Serve(&single{conn: m}) // returns when it has taken the connection over
}

// single is a listener that accepts one connection.
type single struct {
	conn net.Conn
	done bool
}

var errNoMore = errors.New("this listener has only one connection")

func (l *single) Accept() (net.Conn, error) {
	if l.done {
		return nil, errNoMore
	}
	l.done = true
	return l.conn, nil
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }

// complete tells a request of the TLS below.
func (m *h2) complete(r *http.Request) { r.TLS = m.state }

// moved follows the connection: active while at least one stream is open.
func (m *h2) moved(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateActive:
		m.begin.Do(func() { close(m.begun) })
		m.enter(StateStreams, ticks())
	case http.StateIdle:
		m.enter(StateIdle, ticks())
		m.conn.s.tellIdle()
		limits := m.conn.s.limits.Load()
		if m.conn.s.manyIdle(limits.MaxIdle, 1) {
			m.depart()
		}
	}
}

// dismiss ends the connection between requests: the client is
// told to leave, and the connection ends when it has, or when the sweeper loses
// patience.
func (m *h2) dismiss(p phase) {
	if p.reason() == evictOverdue && !m.leaving.Load() {
		m.conn.s.counters.TimedOut.Add(1)
	}
	m.depart()
}

// departGrace is how long after a client has read that it must leave, and after
// each request that it begins nevertheless, it may begin another: one it was about
// to begin. A client that was slow to read that is slow to begin, too, and gets
// more. departTimeout bounds each of the two waits. decisionTime bounds how long
// the client's word may be held up, decisionEvery is between two tries to do so.
const (
	departGrace   = 150 * time.Millisecond
	departTimeout = 5 * time.Second
	decisionTime  = 250 * time.Millisecond
	decisionEvery = time.Millisecond
)

// depart ends the connection without losing a request, in the background: it
// announces the end, as RFC 9113 (6.8) wants it, gives what is on its way the
// time to arrive, and only then says which request was the last.
func (m *h2) depart() {
	if !m.leaving.Swap(true) {
		go m.sayGoodbye()
	}
}

func (m *h2) sayGoodbye() {
	select {
	case <-m.begun: // before, net/http would not know whom to tell
	case <-m.closed:
		return
	}
	announced := time.Now()
	m.announce()
	grace := departGrace
	select {
	case <-m.told:
		grace = max(grace, 4*time.Since(announced))
	case <-time.After(departTimeout):
	case <-m.closed:
		return
	}
	if m.wait(grace) {
		m.sayLast()
	}
}

// wait is until no request has begun for the grace. It is false when the
// connection has ended.
func (m *h2) wait(grace time.Duration) bool {
	grace = min(grace, departTimeout)
	end := time.Now().Add(departTimeout)
	for begun := m.conn.requests.Load(); ; {
		select {
		case <-time.After(grace):
		case <-m.closed:
			return false
		}
		now := m.conn.requests.Load()
		if now == begun || time.Now().After(end) {
			return true
		}
		begun = now
	}
}

// sayLast has the final GOAWAY sent, which names the last request, at a moment
// when all that has arrived was dealt with: a request that is here is served.
// What arrives from then on waits until the GOAWAY is written, and the client
// learns from it that nothing was done for that.
func (m *h2) sayLast() {
	for end := time.Now().Add(decisionTime); !m.hold() && time.Now().Before(end); {
		select {
		case <-time.After(decisionEvery):
		case <-m.closed:
			return
		}
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	m.srv.Shutdown(now) // sends the GOAWAY; waits for nothing
	select {
	case <-m.decided:
	case <-m.closed:
	case <-time.After(decisionTime):
		m.decide.Do(func() { close(m.decided) })
	}
}

// hold holds up who reads, if that one is waiting for the client. It looks
// twice: what was read off the wire before may be on its way through TLS.
func (m *h2) hold() bool {
	in := m.conn.in.Load()
	if !m.asking.Load() {
		return false
	}
	time.Sleep(decisionEvery)
	m.deciding.Store(true)
	if m.asking.Load() && m.conn.in.Load() == in && !waiting(m.conn.tcp) {
		return true
	}
	m.deciding.Store(false)
	return false
}

func (m *h2) announce() {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.due = true
	m.announceIfDue()
}

// announceIfDue writes the first GOAWAY as soon as it can stand between frames.
// The first frame is the server's settings. m.writing is held.
func (m *h2) announceIfDue() {
	if m.due && m.frames.between() && m.frames.count > 0 {
		m.due = false
		m.put(goAway)
	}
}

// goAway says that the server will leave and that it has not decided yet which
// stream is the last. The ping after it tells when the client has read that.
var goAway = []byte{
	0, 0, 8, 7, 0, 0, 0, 0, 0, // length 8, type GOAWAY, no flags, of the connection
	0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, // last stream 2^31-1, no error
	0, 0, 8, 6, 0, 0, 0, 0, 0, // length 8, type PING, no flags, of the connection
	'g', 'o', 'o', 'd', ' ', 'b', 'y', 'e',
}

// Read leaves the state alone, unlike that of HTTP/1.1.
func (m *h2) Read(p []byte) (int, error) {
	for {
		if m.awaitParting() {
			return 0, io.EOF
		}
		if n := m.takeInserted(p); n > 0 {
			return n, nil
		}
		n, err := m.hear(p)
		if m.interrupted(err) {
			if n == 0 {
				continue
			}
			err = nil
		}
		return n, err
	}
}

// awaitParting hears nothing more of a connection that ends with an error, until it
// has. It reports whether that is so.
func (m *h2) awaitParting() bool {
	for m.ending.Load() && !m.parted.Load() {
		select {
		case <-m.closed:
			return true
		case <-time.After(decisionEvery):
		}
	}
	return m.parted.Load()
}

// interrupted reports whether a read ended only to look at what is wanted.
func (m *h2) interrupted(err error) bool {
	return err != nil && errors.Is(err, os.ErrDeadlineExceeded) && (m.wanted.Load() || m.parted.Load())
}

// hear reads what the client says.
func (m *h2) hear(p []byte) (int, error) {
	var n int
	var err error
	m.asking.Store(m.heard.between())
	if size := m.heard.settings(); size > settingLen && size <= len(p) {
		n, err = m.receiveSettings(p[:size])
	} else {
		n, err = m.receive(p)
	}
	m.asking.Store(false)
	if m.deciding.Load() {
		m.await()
	}
	if m.heard.advance(p[:n]); m.heard.acks > 0 {
		m.tell.Do(func() { close(m.told) }) // nobody else pings
	}
	m.timeHeader()
	return n, err
}

// timeHeader notes when a header, or the first frame, began that has not ended.
// A frame whose kind is not known yet is taken for one.
func (m *h2) timeHeader() {
	f := &m.heard
	data := f.have == frameHeader && f.header[3] == frameData
	switch pending := f.count == 0 || m.flows.block.open || !f.between() && !data; {
	case !pending:
		m.headerSince.Store(0)
	case m.headerSince.Load() == 0:
		m.headerSince.Store(ticks())
	}
}

// await waits for the decision on the last request, if one is still to be made.
func (m *h2) await() {
	for m.deciding.Load() {
		select {
		case <-m.decided:
			return
		case <-m.closed:
			return
		case <-time.After(decisionEvery): // it may be called off
		}
	}
}

// receiveSettings reads a whole frame of settings, of which net/http has read the
// header before.
func (m *h2) receiveSettings(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = m.receive(p[n:])
		n += more
	}
	if n == len(p) {
		unrepeat(p)
	}
	return n, err
}

func (m *h2) Write(p []byte) (int, error) {
	m.writing.Lock()
	defer m.writing.Unlock()
	q := m.bad.reset(p, &m.frames)
	n, err := m.put(q)
	if len(q) != len(p) && err == nil {
		n = len(p)
	}
	n = min(n, len(p))
	m.frames.advance(p[:n])
	if m.frames.farewells > 0 {
		m.decide.Do(func() { close(m.decided) })
	}
	if err == nil {
		m.announceIfDue()
	}
	return n, err
}

// put writes to the client and lets the sweeper see how long that takes.
// m.writing is held.
func (m *h2) put(p []byte) (int, error) {
	m.writes.Add(1)
	defer m.writes.Add(1)
	return m.conn.Write(p)
}

func (m *h2) Close() error {
	m.close.Do(func() { close(m.closed) })
	if m.parted.Load() {
		m.conn.linger = true // so that the client reads why
	}
	return m.conn.Close()
}

// net/http would set deadlines of the connection, which are the sweeper's.

func (m *h2) SetDeadline(time.Time) error      { return nil }
func (m *h2) SetReadDeadline(time.Time) error  { return nil }
func (m *h2) SetWriteDeadline(time.Time) error { return nil }

// debugWriter is where net/http may complain about its clients.
type debugWriter struct{ s *Server }

func (w debugWriter) Write(p []byte) (int, error) {
	w.s.log.Debug(string(p))
	return len(p), nil
}
