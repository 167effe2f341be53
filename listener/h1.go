package listener

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"syscall"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// h1 is the HTTP/1.1 engine, fasthttp with its clocks and limits turned off:
// those are the connection's.
type h1 struct {
	s   *Server
	srv fasthttp.Server
}

// prefetched is how much of a body of known length fasthttp reads before it
// calls the handler.
const prefetched = 8 << 10

func newH1(s *Server, b buffers) *h1 {
	e := &h1{s: s}
	e.srv = fasthttp.Server{
		Handler:        e.handle,
		ErrorHandler:   e.malformed,
		HeaderReceived: e.headerReceived,
		ExpectHandler:  e.expect,
		ConnState:      e.stateChanged,
		Logger:         debugLog{s.log},

		ReadBufferSize:  b.read,
		WriteBufferSize: b.write,
		Concurrency:     math.MaxInt32,

		StreamRequestBody:            true,
		MaxRequestBodySize:           math.MaxInt,
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		LazyRequestTime:              true,
		SecureErrorLogMessage:        true,
	}
	return e
}

func (e *h1) serve(c *conn) {
	c.framing.on = true
	err := e.srv.ServeConn(c.view())
	if c.released != nil && err == nil {
		<-c.released
		c.released = nil
		e.s.serveNetHTTP(c)
		return
	}
	if err != nil && c.sending {
		c.blame(FaultServer) // unless the client was to blame, its body broke off
	}
	if inBody := (*fasthttp.ErrBodyStreamWritePanic)(nil); errors.As(err, &inBody) {
		e.s.log.Error("panic while sending a response", "peer", c.RemoteAddr(), "panic", err)
	} else if err != nil {
		e.s.log.Debug("connection ended", "peer", c.RemoteAddr(), "error", err)
	}
}

func (e *h1) stateChanged(nc net.Conn, state fasthttp.ConnState) {
	switch state {
	case fasthttp.StateActive:
		connIn(nc).begin() // a pipelined request begins without a read
	case fasthttp.StateIdle:
		connIn(nc).finish()
	}
}

// headerReceived is called between header and body. A request with a verdict
// loses its body here, so that nobody waits for it.
func (e *h1) headerReceived(h *fasthttp.RequestHeader) (unchanged fasthttp.RequestConfig) {
	ctx := ctxOf(h)
	c := connIn(ctx.Conn())
	if c.verdict == 0 && check(h) == 0 && c.switchEngine(h, ctx) {
		return unchanged
	}
	size := len(h.Method()) + len(h.RequestURI()) + len(h.RawHeaders())
	length := h.ContentLength()
	if length < -1 {
		length = 0 // none announced
	}
	c.headerDone(size, int64(length))
	if c.verdict == 0 {
		c.verdict = check(h)
	}
	if c.verdict != 0 {
		h.SetContentLength(0)
	}
	return unchanged
}

const headerOffset = unsafe.Offsetof(fasthttp.RequestCtx{}.Request) + unsafe.Offsetof(fasthttp.Request{}.Header)

// ctxOf finds the RequestCtx of a header that fasthttp hands out alone. It is
// always inside of one, which knows its connection.
func ctxOf(h *fasthttp.RequestHeader) *fasthttp.RequestCtx {
	return (*fasthttp.RequestCtx)(unsafe.Add(unsafe.Pointer(h), -int(headerOffset)))
}

func (e *h1) expect(ctx *fasthttp.RequestCtx) int {
	c := connIn(ctx.Conn())
	if c.verdict == 0 {
		return fasthttp.StatusContinue
	}
	c.answerVerdict(ctx)
	return c.verdict
}

func (e *h1) handle(ctx *fasthttp.RequestCtx) {
	c := connIn(ctx.Conn())
	if c.released != nil {
		c.release(ctx)
		return
	}
	if c.verdict == 0 {
		c.exchange.reset(c, ctx)
		e.call(c, ctx)
		c.exchange.checkBody()
		c.linger = !c.exchange.bodyRead()
		c.bodyDone()
	}
	if live := c.exchange.streaming; live != nil {
		e.endStreaming(c, live, ctx)
		return
	}
	switch {
	case c.verdict != 0:
		c.answerVerdict(ctx)
	case c.exchange.aborted:
		c.blame(FaultServer)
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(func(net.Conn) {}) // the engine closes it when what came before is sent
		return
	case ctx.Response.StatusCode() >= 500:
		c.blame(FaultServer)
	}
	if ctx.Hijacked() {
		c.framing.on = false
		c.observe(ticks())
		c.labelHijacked(ctx)
		c.enter(StateHijacked, ticks())
		return
	}
	c.sending = true
	c.labelIfLasting(ctx)
	if c.mustEnd() {
		c.last = true
		ctx.SetConnectionClose()
	}
}

// endStreaming ends a response that its handler has sent. What the client was told of
// the end of the connection holds, whatever has happened meanwhile.
func (e *h1) endStreaming(c *conn, l *StreamingBody, ctx *fasthttp.RequestCtx) {
	c.exchange.streaming = nil
	switch {
	case c.verdict != 0:
		c.blame(FaultClient)
	case c.exchange.failed || ctx.Response.StatusCode() >= 500:
		c.blame(FaultServer)
	}
	l.end(c.verdict == 0 && !c.exchange.failed)
}

func (e *h1) call(c *conn, ctx *fasthttp.RequestCtx) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case http.ErrAbortHandler:
			c.exchange.failed, c.exchange.aborted = true, true
		default:
			e.s.panicked(c, r)
			c.exchange.failed = true
			ctx.Error("internal server error\n", statusInternalError)
			ctx.SetConnectionClose()
		}
	}()
	(*e.s.handler.Load())(&c.exchange)
}

// malformed answers what could not be read to the end.
func (e *h1) malformed(ctx *fasthttp.RequestCtx, err error) {
	c := connIn(ctx.Conn())
	if c.verdict == 0 {
		c.verdict = statusBadRequest
		if tooLarge := (*fasthttp.ErrSmallBuffer)(nil); errors.As(err, &tooLarge) {
			c.verdict = statusHeaderTooLarge
		}
	}
	if c.started == 0 {
		c.requests.Add(1)
		c.s.counters.Requests.Add(1)
	}
	if c.left {
		c.blame(FaultCanceled)
	}
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) {
		return // nobody is there to be answered
	}
	c.answerVerdict(ctx)
}

// answerVerdict answers for the handler and ends the connection.
func (c *conn) answerVerdict(ctx *fasthttp.RequestCtx) {
	c.blame(FaultClient)
	c.linger = true
	ctx.Error(verdicts[c.verdict], c.verdict)
	ctx.SetConnectionClose()
}

var verdicts = map[int]string{
	statusBadRequest:     "malformed request\n",
	statusTimeout:        "the request took too long to arrive\n",
	statusBodyTooLarge:   "request body too large\n",
	statusURITooLong:     "request target too long\n",
	statusHeaderTooLarge: "request header too large\n",
	statusNotImplemented: "not implemented\n",
	statusBadVersion:     "only HTTP/1.0 and HTTP/1.1 are served here\n",
}

// debugLog is where fasthttp may complain about its clients.
type debugLog struct{ *slog.Logger }

func (l debugLog) Printf(format string, args ...any) { l.Debug(fmt.Sprintf(format, args...)) }
