package pool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// maxAttempts bounds how often a request is sent. Failed connects do not count:
// every backend is tried once.
const maxAttempts = 3

// exchange is one request on its way through the pool, over as many attempts as
// it takes. It is reused.
type exchange struct {
	req  *fasthttp.Request
	resp *fasthttp.Response
	// ctx is the request being proxied, nil for one of Do.
	ctx *fasthttp.RequestCtx
	// caller and its done end waiting early; done is nil if nothing does.
	caller context.Context
	done   <-chan struct{}
	client Client // whom the request came from; may be nil

	name   string
	limits Config // without backends

	body     []byte    // to be sent, may be sent again
	source   io.Reader // or this, which can be read once
	length   int       // of source, -1 if unknown
	head     []byte    // scratch for the request header
	prefetch []byte    // scratch for a small body

	switching *switching // to another protocol; nil if that is not asked for

	unread   bool // the request body was not read to its end
	attempts int
	fresh    bool // only a new connection will do
	tried    []*backend
	err      error     // of the last backend tried
	patience time.Time // when waiting for permits ends
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func lendExchange(ctx context.Context, req *fasthttp.Request, resp *fasthttp.Response) *exchange {
	x := exchanges.Get().(*exchange)
	x.req, x.resp = req, resp
	x.caller, x.done = ctx, ctx.Done()
	return x
}

func returnExchange(x *exchange) {
	clear(x.tried)
	*x = exchange{head: x.head[:0], prefetch: x.prefetch[:0], tried: x.tried[:0]}
	exchanges.Put(x)
}

// adopt takes over what of the config concerns a request.
func (x *exchange) adopt(c *Config) {
	x.name = c.Name
	x.limits.MaxWait, x.limits.DialTimeout, x.limits.ReadTimeout = c.MaxWait, c.DialTimeout, c.ReadTimeout
	x.limits.MaxHeaderBytes = c.MaxHeaderBytes
}

func (x *exchange) hasTried(b *backend) bool {
	return len(x.tried) > 0 && contains(x.tried, b)
}

func (x *exchange) lastError() error {
	if x.err != nil {
		return x.err
	}
	return ErrNoBackend
}

func (x *exchange) ended() bool { return x.done != nil && x.caller.Err() != nil }

// sourceError is a failure of who sends the request, not of the backend.
type sourceError struct{ err error }

func (e sourceError) Error() string { return "read request body: " + e.err.Error() }
func (e sourceError) Unwrap() error { return e.err }

// send sends x to a backend and reads the response, or its header if the body is
// streamed, and tries again where that can do no harm.
func (p *Pool) send(x *exchange) error {
	for {
		c, err := p.acquire(x)
		if err != nil {
			return err
		}
		now := ticks()
		if c.reused && x.mustProbe(c, now) && !c.usable() {
			if x.uploads() {
				p.uploaded(c.backend)
			}
			p.release(c, false)
			x.fresh = true
			continue
		}
		again, err := p.attempt(x, c, now)
		if err == nil || !again {
			return err
		}
	}
}

// mustProbe reports whether a kept-alive connection is looked at before it is
// used. A request that may be repeated need not pay for that, unless the
// connection was idle for long enough to have been closed or written to.
func (x *exchange) mustProbe(c *conn, now int64) bool {
	return !x.repeatable() || now-c.since > int64(sweepEvery)
}

// repeatable reports whether sending the request twice does no harm and is
// possible (RFC 9110, 9.2.2).
func (x *exchange) repeatable() bool {
	if x.source != nil {
		return false
	}
	switch string(x.req.Header.Method()) {
	case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY":
		return true
	}
	return false
}

// attempt sends x on c, which it gives back, and reports whether to try again.
func (p *Pool) attempt(x *exchange, c *conn, now int64) (again bool, err error) {
	b := c.backend
	b.counters.Requests.Add(1)
	x.attempts++
	limit, _ := x.caller.Deadline()
	c.begin(x.client, x.limits.ReadTimeout, limit, now)
	var stop func() bool
	if x.done != nil {
		stop = context.AfterFunc(x.caller, func() { _ = c.Conn.Close() })
	}
	reuse, err := p.roundTrip(x, c)
	if s := x.streamed(c); s != nil && x.ctx != nil {
		s.stop = stop // whoever proxies leaves with the client, also now
	} else if stop != nil && !stop() {
		reuse = false
	}
	if err == nil {
		p.finish(x, c, reuse)
		return false, nil
	}
	again = x.again(c, err)
	why := x.explain(c, err)
	if !x.clientFault(why) && (!again || !c.reused) {
		p.failed(b, kindOfAttempt(c, err), why)
	}
	err = fmt.Errorf("pool %s: %w", x.name, why)
	p.release(c, false)
	return again, err
}

// clientFault reports whether the attempt failed for who sent the request: it
// broke off or went away. That says nothing of the backend.
func (x *exchange) clientFault(err error) bool {
	return clientFault(err) || errors.Is(err, errClientGone) || x.ended()
}

// streamed is the body of the response if it is a stream on c, else nil.
func (x *exchange) streamed(c *conn) *stream {
	if s, ok := x.resp.BodyStream().(*stream); ok && s.conn == c {
		return s
	}
	return nil
}

// finish gives the connection back, or leaves that to the streamed body.
func (p *Pool) finish(x *exchange, c *conn, reuse bool) {
	if x.resp.StatusCode() >= 500 {
		p.failed(c.backend, KindStatus, nil)
	}
	p.answered(c.backend)
	if x.switching != nil && x.switching.conn == c {
		return // the tunnel has it
	}
	if s := x.streamed(c); s != nil {
		s.reuse = reuse
		return
	}
	p.release(c, reuse)
}

// again decides whether a failed attempt is followed by another.
//
// A connection kept alive may have been closed by the backend just when the
// request was sent. If nothing of the request left this machine, it is sent
// again on a new connection. If something left and no answer came, the backend
// may or may not have acted on it: a request that may be repeated is, any other
// is answered with an error, for it must be neither lost silently nor done twice.
func (x *exchange) again(c *conn, err error) bool {
	var source sourceError
	if c.err == nil || c.timedOut() || c.err == errClientGone || x.ended() || errors.As(err, &source) || x.attempts >= maxAttempts {
		return false
	}
	untouched := c.sent == 0 && x.source == nil
	if !untouched && !x.repeatable() {
		return false
	}
	x.fresh = true
	if !c.reused || c.got > 0 {
		x.tried = append(x.tried, c.backend)
		x.err = x.explain(c, err)
	}
	return true
}

// explain says what went wrong between us and the backend of c.
func (x *exchange) explain(c *conn, err error) error {
	var source sourceError
	switch {
	case errors.As(err, &source):
	case x.ended():
		err = x.caller.Err()
	case c.timedOut() && !c.limit.IsZero() && !time.Now().Before(c.limit):
		err = context.DeadlineExceeded
	case c.timedOut():
		err = fmt.Errorf("%w (%v)", ErrTimeout, x.limits.ReadTimeout)
	case c.err == io.EOF && c.got == 0:
		err = errors.New("backend closed the connection without an answer")
	case c.err != nil:
		err = c.err
	}
	return fmt.Errorf("backend %s: %w", c.backend.name, err)
}

// roundTrip writes the request and reads the response. reuse tells whether the
// connection is good for another once the body is read.
func (p *Pool) roundTrip(x *exchange, c *conn) (reuse bool, err error) {
	if x.uploads() {
		return p.upload(x, c)
	}
	w := lendWriter(c)
	err = x.write(w, c)
	if err == nil {
		err = w.Flush()
	}
	returnWriter(w)
	switch {
	case err != nil && x.source != nil && c.err != nil && !c.timedOut():
		return false, p.readEarly(x, c, err)
	case err != nil:
		return false, err
	}
	c.await()
	return p.read(x, c, lendReader(c))
}

// readEarly reads the response of a backend that stopped reading the request
// with failure: it may have refused a long body and said so.
func (p *Pool) readEarly(x *exchange, c *conn, failure error) error {
	first := c.err
	c.begin(x.client, time.Second, c.limit, ticks())
	if _, err := p.read(x, c, lendReader(c)); err != nil {
		c.err = first
		return failure
	}
	return nil
}

// write writes the request to w, which leads to c.
func (x *exchange) write(w *bufio.Writer, c *conn) error {
	if x.ctx != nil {
		return x.writeProxied(w, c)
	}
	if len(x.req.Header.Host()) == 0 && len(x.req.URI().Host()) == 0 {
		x.req.SetHost(c.backend.addr)
	}
	return x.req.Write(w)
}

// Do sends req to a backend of the pool and reads the response into resp. A
// request without a host gets that of the backend. It waits for a connection if
// need be, bounded by MaxWait and ctx; ctx also bounds the exchange. With
// resp.StreamBody the body is left to be read from resp.BodyStream, of ctx then
// only the deadline counts, and the connection stays in use until the end of the
// body was read or resp.CloseBodyStream is called.
func (p *Pool) Do(ctx context.Context, req *fasthttp.Request, resp *fasthttp.Response) error {
	x := lendExchange(ctx, req, resp)
	defer returnExchange(x)
	if req.IsBodyStream() {
		x.source = req.BodyStream()
	}
	resp.SkipBody = req.Header.IsHead()
	return p.send(x)
}
