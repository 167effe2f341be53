package listener

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// quicConn is one QUIC connection and its entry in the table.
type quicConn struct {
	q       *quicServer
	qc      *quic.Conn
	h3      *http3.Server
	streams *streams
	id      uint64
	opened  int64
	begun   atomic.Uint64 // requests
	forced  atomic.Bool   // it was closed from our side, whatever was open

	mu      sync.Mutex
	state   State // new, response or idle; closing at the end
	since   int64
	open    int // requests being answered
	control *quic.SendStream
	leaving int64  // when the client was told to leave; 0 before
	in, out uint64 // bytes counted so far
	quiet   int64  // since when no packet was sent
}

// run is the goroutine of a connection, until it is closed and all its handlers
// have returned.
func (c *quicConn) run() {
	defer c.end()
	defer c.close()
	h3, control, err := newRawServerConn(c.h3, c.qc)
	if err != nil {
		c.q.s.log.Debug("connection ended", "peer", c.qc.RemoteAddr(), "error", err)
		return
	}
	c.mu.Lock()
	c.control = control
	if c.leaving != 0 {
		go control.Write(goAwayH3)
	}
	c.mu.Unlock()
	go func() {
		for {
			str, err := c.qc.AcceptUniStream(context.Background())
			if err != nil {
				return
			}
			go h3.HandleUnidirectionalStream(str)
		}
	}()
	var requests sync.WaitGroup
	defer requests.Wait()
	for {
		str, err := c.qc.AcceptStream(context.Background())
		if err != nil {
			return
		}
		if c.ignoresGoAway() {
			str.ReleaseStreamCredit()
			str.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
			str.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
			continue
		}
		requests.Go(func() { c.handle(h3, str) })
	}
}

// handle answers the request of a stream, whose header must come in time.
func (c *quicConn) handle(h3 *http3.RawServerConn, str *quic.Stream) {
	begun, bound := time.Now(), c.q.s.limits.Load().ReadHeader
	if bound > 0 {
		str.SetReadDeadline(begun.Add(bound))
	}
	h3.HandleRequestStream(str)
	var reset *quic.StreamError
	if bound > 0 && time.Since(begun) >= bound && errors.As(context.Cause(str.Context()), &reset) &&
		!reset.Remote && reset.ErrorCode == quic.StreamErrorCode(http3.ErrCodeRequestIncomplete) {
		c.q.s.counters.TimedOut.Add(1)
	}
}

// ignoresGoAway says whether the client was told to leave and goes on asking as if it
// did not hear.
func (c *quicConn) ignoresGoAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving != 0 && time.Duration(ticks()-c.leaving) > leaveLimit
}

// cut ends the connection at once, with the requests that are open.
func (c *quicConn) cut() {
	c.forced.Store(true)
	c.close()
}

// close ends the connection at once.
func (c *quicConn) close() {
	c.qc.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}

// end takes a closed connection out of the table and the gauges.
func (c *quicConn) end() {
	c.count()
	c.mu.Lock()
	was := c.state
	c.state = StateClosing
	c.mu.Unlock()
	c.q.s.counters.leave(was)
	c.q.remove(c)
}

// enter needs c.mu.
func (c *quicConn) enter(s State) {
	if c.state == StateClosing {
		return
	}
	if c.state.Active() != s.Active() {
		c.q.s.counters.leave(c.state)
		c.q.s.counters.enter(s)
	}
	c.state, c.since = s, ticks()
}

// serve answers one request.
func (c *quicConn) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	if c.open++; c.open == 1 {
		c.enter(StateResponse)
	}
	c.mu.Unlock()
	defer c.served()
	http.NewResponseController(w).SetReadDeadline(time.Time{}) // the header's time is over
	c.streams.ServeHTTP(w, r)
}

func (c *quicConn) served() {
	c.mu.Lock()
	c.open--
	idle := c.open == 0
	if idle {
		c.enter(StateIdle)
		c.q.s.tellIdle()
	}
	c.quiet = ticks()
	c.mu.Unlock()
	if idle && (c.q.s.draining() || c.q.s.manyIdle(c.q.s.limits.Load().MaxIdle, 1)) {
		c.leave() // right behind the response, before the client's next request
	}
}

// goAwayH3 is a frame of HTTP/3 that asks for no more requests but permits all of
// those under way, whatever number they have: RFC 9114, section 5.2.
var goAwayH3 = []byte{7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc}

// leave asks the client, once, to send its further requests on another
// connection. Requests that cross this are answered.
func (c *quicConn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving != 0 {
		return
	}
	c.leaving = ticks()
	c.quiet = c.leaving
	if c.control != nil {
		go c.control.Write(goAwayH3) // blocks if the client permits nothing
	}
}

// count adds the bytes since the last time to the counters.
func (c *quicConn) count() {
	stats := c.qc.ConnectionStats()
	c.mu.Lock()
	in, out := stats.BytesReceived-c.in, stats.BytesSent-c.out
	if stats.BytesReceived < c.in || stats.BytesSent < c.out {
		in, out = 0, 0 // another caller has read later and counted first
	} else {
		c.in, c.out = stats.BytesReceived, stats.BytesSent
	}
	if out > 0 {
		c.quiet = ticks()
	}
	c.mu.Unlock()
	c.q.s.counters.BytesIn.Add(in)
	c.q.s.counters.BytesOut.Add(out)
}

func (c *quicConn) info() ConnInfo {
	c.count()
	c.mu.Lock()
	defer c.mu.Unlock()
	return ConnInfo{
		Protocol: "h3", Request: c.streams.oldest(),
		ID: c.id, Peer: addrString(c.qc.RemoteAddr()), Local: addrString(c.qc.LocalAddr()),
		State: c.state, Since: timeOf(c.since), Opened: timeOf(c.opened),
		Requests: c.begun.Load(), BytesIn: c.in, BytesOut: c.out,
	}
}
