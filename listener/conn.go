package listener

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/internal/wire"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// conn is one accepted connection. It is the net.Conn an engine reads and
// writes, and the entry in the server's table.
type conn struct {
	raw  net.Conn
	tcp  *net.TCPConn // raw if it is one, else nil
	io   *wire.Conn   // of tcp
	s    *Server
	live *sockets.Counter // where the kernel counts it

	id     uint64
	opened int64
	place  int // in its shard of the table, whose lock guards it

	phase    atomic.Uint64
	requests atomic.Uint64
	in, out  atomic.Uint64
	// owned is set while deadlines are those of a handler, not of the sweeper.
	owned atomic.Bool
	// parked is set while no engine holds the connection, which waits for its
	// next request without one.
	parked atomic.Bool
	// mux is what carries several requests at a time, nil where there is one.
	mux atomic.Pointer[h2]
	// reading and writing are set while the client may be waited for, to send more
	// of a body or to take more of a response. io knows that of its writes.
	reading, writing atomic.Bool
	timeouts         atomic.Pointer[Timeouts] // of the present request; nil for the server's
	// blamed is set by whoever finds out what the present request fails of.
	blamed blamed
	// generation of the transport it speaks.
	generation atomic.Int64

	// resting is set while no goroutine holds it either: who clears it starts
	// one. pollIndex is its place among those that rest.
	resting   atomic.Bool
	pollIndex int
	killed    atomic.Bool
	// moving is set while another process is asked to take the connection, stays
	// when none does.
	moving, stays atomic.Bool
	labelled      atomic.Pointer[label] // nil if it never was

	// The sweeper alone uses these: when it first saw its eviction unanswered, and
	// since when the connection was idle that it looked at last.
	evictedAt, looked int64
	paces             paces

	// turn is held by who writes to a connection that was taken over.
	turn sync.Mutex

	// What follows belongs to the goroutine that serves the connection.
	tls      *tls.Conn // over raw; nil for cleartext
	outer    *tls.Conn // raw, or within it, of a listener that speaks TLS itself; nil if none
	early    []byte    // read before it was known which engine serves
	greeted  bool      // it is known
	exchange h1Exchange
	framing  framingParser
	held     []byte        // what the framing parser held back
	started  int64         // end of the request header; 0 between requests
	arrived  int64         // when the request began, if nothing was read since; else 0
	verdict  int           // status the engine answers the present request with; 0 for none
	left     bool          // the client ended within a header
	sending  bool          // the handler has returned and its response is not written yet
	linger   bool          // the client is still sending
	replay   []byte        // what another engine has read and that of net/http reads next
	released chan struct{} // closed when that other engine has let go; nil if none has to
	letGo    bool          // the next Close is that other engine's
	dry      bool          // what is read is only what was read before
	ahead    bool          // what is read belongs to no request yet, and nobody waits for it
	last     bool          // the client was told that this response is the last one

	behind        bool        // nothing was read since the last response, which may be on its way yet
	pipelined     bool        // the present request came like that
	discardOutput discardMode // what the engine writes and nobody is to see
	headerEndSeen int         // bytes of the end of a header that were seen of it
}

func newConn(s *Server, raw net.Conn) *conn {
	now := ticks()
	c := &conn{raw: raw, s: s, id: s.lastID.Add(1), opened: now}
	c.tcp, _ = raw.(*net.TCPConn)
	c.io = wire.New(c.tcp)
	c.phase.Store(uint64(newPhase(StateNew, now)))
	return c
}

func (c *conn) now() phase { return phase(c.phase.Load()) }

func (c *conn) swap(from, to phase) bool {
	return c.phase.CompareAndSwap(uint64(from), uint64(to))
}

// enter changes the state, which cancels an eviction from the former one. A closing
// connection enters no other state.
func (c *conn) enter(s State, since int64) {
	for {
		p := c.now()
		if p.state() == StateClosing {
			return
		}
		if c.swap(p, newPhase(s, since)) {
			c.moved(p.state(), s)
			return
		}
	}
}

func (c *conn) moved(from, to State) {
	if from == StateNew {
		c.s.fresh.Add(-1)
	}
	if from.Active() != to.Active() {
		c.s.counters.leave(from)
		c.s.counters.enter(to)
	}
}

// begin is called at the first byte of a request, and may be called again.
func (c *conn) begin() {
	if !c.now().state().Active() {
		c.arrived = ticks()
		c.enter(StateHeader, c.arrived)
	}
}

// headerDone counts the request and gives it a verdict if it asks for too much.
func (c *conn) headerDone(bytes int, length int64) {
	if c.started = c.arrived; c.started == 0 { // a clock costs as much as a counter
		c.started = ticks()
	}
	c.pipelined = c.behind
	c.requests.Add(1)
	c.s.counters.Requests.Add(1)
	limits := c.s.limits.Load()
	switch {
	case bytes > limits.MaxHeaderBytes:
		c.verdict = statusHeaderTooLarge
	case limits.MaxRequestBytes > 0 && length > limits.MaxRequestBytes:
		c.verdict = statusBodyTooLarge
	}
	if length == 0 || c.verdict != 0 {
		c.enter(StateResponse, c.started)
		return
	}
	c.enter(StateBody, c.now().since()) // the bound is on the whole request
}

// bodyDone is called when the request has been read, and may be called again.
func (c *conn) bodyDone() {
	if c.now().state() == StateBody {
		c.enter(StateResponse, ticks())
	}
}

// finish is called when the response was written and another request may come.
func (c *conn) finish() {
	now := ticks()
	c.observe(now)
	c.behind, c.sending = true, false
	c.blamed.reset()
	if c.timeouts.Load() != nil {
		c.timeouts.Store(nil)
	}
	c.enter(StateIdle, now)
	c.s.tellIdle()
}

func (c *conn) observe(now int64) {
	if c.started != 0 {
		c.s.counters.observe(time.Duration(now - c.started))
		c.started = 0
	}
}

// blame counts the present request as failed. What ends it from our side, as a
// drain does at its deadline, is nobody's fault.
func (c *conn) blame(f Fault) {
	if !c.killed.Load() {
		c.blamed.set(f, c.s.counters)
	}
}

// abandoned is called when the client has left within a request. One without a
// whole header counts when the engine has called it malformed.
func (c *conn) abandoned() {
	if c.started == 0 {
		c.left = true
		return
	}
	c.blame(FaultCanceled)
}

// refuse makes the engine answer with status and close; the first one counts.
func (c *conn) refuse(status int) {
	if c.verdict == 0 {
		c.verdict = status
	}
}

// mustEnd says whether the response about to be sent should be the last one.
func (c *conn) mustEnd() bool {
	limits := c.s.limits.Load()
	return !limits.KeepAlive || c.s.draining() && !c.movable() || c.outdated() || c.s.manyIdle(limits.MaxIdle, 0)
}

// Read hides from the engine that deadlines are used to wake it: it sees an end
// of the connection between requests, a timeout only within one, and nothing at
// all of an eviction that came too late.
func (c *conn) Read(p []byte) (int, error) {
	switch {
	case c.dry:
		return 0, io.EOF
	case c.framing.refused != 0:
		return c.stopped(p)
	case c.leaves():
		return 0, io.EOF
	}
	c.behind = false // the engine has sent all before it reads more
	c.rest()
	c.arrived = 0
	n, err := c.receive(p)
	switch {
	case n > 0:
		c.begin()
		return c.admit(p[:n]), nil
	case err == io.EOF && c.framing.begun():
		c.abandoned()
		c.refuse(statusBadRequest)
		return 0, io.ErrUnexpectedEOF
	case !c.now().state().Active():
		return 0, io.EOF // whatever it was, no request is hurt
	case !errors.Is(err, os.ErrDeadlineExceeded):
		c.abandoned()
	}
	return 0, err
}

// acquainted is the number of requests after which a client is expected to send
// the next one when it has got its answer. Only then reading is not tried first:
// of one that ends its side together with a request the sweeper has to tell.
const acquainted = 2

// rest waits for the next request of a connection that has been read empty.
func (c *conn) rest() {
	if c.io != nil && c.tls == nil && c.framing.on && len(c.early) == 0 && c.requests.Load() >= acquainted && c.now().state() == StateIdle {
		c.io.Await()
	}
}

// receive reads what the client said, in clear.
func (c *conn) receive(p []byte) (int, error) {
	switch {
	case len(c.early) > 0:
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	case c.tls != nil:
		return c.tls.Read(p)
	}
	return c.readWire(p)
}

// readWire reads from the socket, and lets nobody see an eviction that came too late.
func (c *conn) readWire(p []byte) (int, error) {
	if s := c.now().state(); !c.ahead && (s == StateBody || s == StateResponse && c.framing.begun()) {
		c.reading.Store(true) // what is left of a body is read behind its response
		defer c.reading.Store(false)
	}
	for {
		n, err := c.readRaw(p)
		if n > 0 {
			c.in.Add(uint64(n))
			c.s.counters.BytesIn.Add(uint64(n))
			return n, nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if err = c.onInterrupt(err); err == nil {
				continue
			}
		}
		return 0, err
	}
}

// shared says whether the connection is a handler's, several goroutines of which
// may read and write at a time.
func (c *conn) shared() bool { return c.now().state() == StateHijacked }

func (c *conn) readRaw(p []byte) (int, error) {
	if c.io != nil && !c.shared() {
		return c.io.Read(p)
	}
	return c.raw.Read(p)
}

func (c *conn) writeRaw(p []byte) (int, error) {
	if c.io != nil {
		return c.io.Write(p, false)
	}
	c.writing.Store(true)
	defer c.writing.Store(false)
	return c.raw.Write(p)
}

// onInterrupt decides what becomes of the connection after a deadline passed in a
// read. It gives nil to read on.
func (c *conn) onInterrupt(timeout error) error {
	if c.owned.Load() {
		return timeout
	}
	p := c.now()
	if p.reason() == evictNone {
		// The eviction was for a state already left. Clear the deadline, then look
		// once more: the sweeper sets the reason first and sets the deadline second.
		c.raw.SetReadDeadline(time.Time{})
		if p = c.now(); p.reason() == evictNone {
			if m := c.mux.Load(); m != nil && m.interrupted(timeout) {
				return timeout
			}
			return nil
		}
	}
	if p.state().Active() {
		return c.overdue(p, timeout)
	}
	return c.closeIdle(p)
}

// overdue ends a request that took too long.
func (c *conn) overdue(p phase, timeout error) error {
	if s := p.state(); c.verdict == 0 && (s == StateHeader || s == StateBody) {
		c.s.counters.TimedOut.Add(1)
		c.verdict = statusTimeout
	}
	return timeout
}

// closeIdle ends or parks a connection without a request, unless one has
// arrived. Only this goroutine reads from the connection and only it closes it,
// so what remains is the moment between this look and the close.
func (c *conn) closeIdle(p phase) error {
	if waiting(c.tcp) || p.reason() == evictPark && !c.parkable() {
		c.swap(p, p.with(evictNone))
		c.raw.SetReadDeadline(time.Time{})
		return nil
	}
	if m := c.mux.Load(); m != nil {
		m.dismiss(p)
		c.raw.SetReadDeadline(time.Time{})
		return nil
	}
	switch p.reason() {
	case evictPark:
		c.parked.Store(true)
		c.swap(p, p.with(evictNone))
		c.raw.SetReadDeadline(time.Time{})
	case evictOverdue:
		c.s.counters.TimedOut.Add(1)
	}
	return io.EOF
}

func (c *conn) Write(p []byte) (int, error) {
	if c.discardOutput != discardNothing {
		return c.writeDiscarding(p)
	}
	if c.tls != nil {
		return c.tls.Write(p)
	}
	return c.writeWire(p)
}

// writeChunk is how much is written before it is counted.
const writeChunk = 64 << 10

// writeWire writes to the socket, past deadlines that were meant for a response
// already gone.
func (c *conn) writeWire(p []byte) (int, error) {
	if c.shared() {
		c.turn.Lock()
		defer c.turn.Unlock()
	}
	var done int
	for {
		n, err := c.writeRaw(p[done:min(len(p), done+writeChunk)])
		c.wrote(n)
		done += n
		switch {
		case err == nil && done == len(p):
			return done, nil
		case err != nil && !c.stale(err):
			c.undelivered(err)
			return done, err
		}
	}
}

// undelivered blames a client that does not take its response, or has left.
func (c *conn) undelivered(err error) {
	if s := c.now().state(); err == nil || s != StateBody && s != StateResponse {
		return
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.blame(FaultClient)
	default:
		c.blame(FaultCanceled)
	}
}

func (c *conn) wrote(n int) {
	c.out.Add(uint64(n))
	c.s.counters.BytesOut.Add(uint64(n))
}

// stale says whether a write deadline was meant for a response that is already
// gone, and clears it.
func (c *conn) stale(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.owned.Load() || c.now().reason() != evictNone {
		return false
	}
	c.raw.SetWriteDeadline(time.Time{})
	return c.now().reason() == evictNone
}

// Close ends the connection and its entry in the table, once. An engine that
// closes a parked connection, or one for another engine, only lets go of it.
func (c *conn) Close() error {
	switch {
	case c.parked.Load():
		return nil
	case c.letGo:
		c.letGo = false
		close(c.released)
		return nil
	}
	now := ticks()
	old := phase(c.phase.Swap(uint64(newPhase(StateClosing, now))))
	if old.state() == StateClosing {
		return net.ErrClosed
	}
	c.observe(now)
	if c.linger || (c.last || old.state() == StateHijacked) && waiting(c.tcp) {
		c.farewell()
	}
	c.hangUp() // an error says that the client did not wait for it
	c.s.remove(c, old.state())
	return nil
}

// lingerTime and lingerBytes bound what is still read from a client that was
// given its last response: closing with unread bytes would reset the connection
// and could destroy that response on its way.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

func (c *conn) farewell() {
	if c.tls != nil {
		c.tls.CloseWrite()
	}
	farewell(c.tcp)
}

// hangUp closes the socket, with TLS not before saying so.
func (c *conn) hangUp() error {
	if c.tls != nil {
		return c.tls.Close()
	}
	return c.raw.Close()
}

func farewell(tcp *net.TCPConn) {
	if tcp == nil || tcp.CloseWrite() != nil {
		return
	}
	tcp.SetReadDeadline(time.Now().Add(lingerTime))
	discard(tcp, lingerBytes)
}

func discard(r io.Reader, limit int) {
	var buf [1024]byte
	for limit > 0 {
		n, err := r.Read(buf[:])
		if err != nil {
			return
		}
		limit -= n
	}
}

// parkable says whether the connection holds an engine's buffers that it could
// do without. A fresh one in the middle of a handshake could not.
func (c *conn) parkable() bool {
	return canPark && c.tcp != nil && !c.parked.Load() && c.mux.Load() == nil &&
		(c.requests.Load() > 0 || c.in.Load() == 0)
}

// discard has the system throw away what the client has not taken when the
// connection is closed, and tell it by a reset. Otherwise megabytes would stay in
// the kernel for a client that reads nothing, and a response without a length
// would look whole.
func (c *conn) discard() {
	if c.tcp != nil {
		c.tcp.SetLinger(0)
	}
}

// kill ends the connection under whoever serves it, who then cleans up.
func (c *conn) kill() {
	c.killed.Store(true)
	c.raw.Close()
	c.s.wake(c)
}

func (c *conn) LocalAddr() net.Addr  { return c.raw.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline and its kin are called by handlers only: the engines set none.
// A handler that sets one takes the connection's deadlines over until it sets
// them to zero.
func (c *conn) SetDeadline(t time.Time) error {
	c.owned.Store(!t.IsZero())
	return c.raw.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.owned.Store(!t.IsZero())
	return c.raw.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.owned.Store(!t.IsZero())
	return c.raw.SetWriteDeadline(t)
}
