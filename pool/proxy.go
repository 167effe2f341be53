package pool

import (
	"context"
	"errors"
	"strconv"

	"github.com/valyala/fasthttp"
)

// Proxy answers the request of ctx with what a backend of the pool says to it,
// as a reverse proxy (RFC 9110, 7.6).
//
// The backend gets the request as it came, with X-Forwarded-For, -Host and
// -Proto, and without what concerns the client's connection only. Large bodies
// are passed on while they arrive; a streamed response holds its connection
// until the server has written it. What was set on the response before is
// replaced.
//
// When no backend answers, the client gets one line: 502 if none could be
// reached or it broke off, 503 with Retry-After if every connection stayed in
// use for MaxWait, 504 if the backend stayed silent for ReadTimeout. Requests to
// upgrade the connection get 501.
func (p *Pool) Proxy(ctx *fasthttp.RequestCtx) { p.proxy(context.Background(), ctx) }

// proxy does so until caller ends.
func (p *Pool) proxy(caller context.Context, ctx *fasthttp.RequestCtx) {
	if unsupported(&ctx.Request.Header) {
		ctx.Error("this proxy does not switch protocols\n", fasthttp.StatusNotImplemented)
		return
	}
	x := lendExchange(caller, &ctx.Request, &ctx.Response)
	defer returnExchange(x)
	x.ctx = ctx
	err := x.takeBody()
	if err == nil {
		err = p.send(x)
	}
	if err != nil {
		p.refuse(ctx, err)
		return
	}
	h := &ctx.Response.Header
	stripResponse(h)
	h.SetProtocol(nil) // ours, not the backend's
	h.SetNoDefaultContentType(true)
}

// unsupported reports whether the request asks for a tunnel or another protocol.
// An offer of HTTP/2 may be ignored and is.
func unsupported(h *fasthttp.RequestHeader) bool {
	if h.IsConnect() {
		return true
	}
	upgrade := h.Peek(fasthttp.HeaderUpgrade)
	return len(upgrade) > 0 && !is(upgrade, "h2c")
}

// refuse answers for the backend. The line names the pool; what exactly went
// wrong is for the operator, not for the client.
func (p *Pool) refuse(ctx *fasthttp.RequestCtx, err error) {
	status, line := fasthttp.StatusBadGateway, "no backend could answer"
	switch {
	case clientFault(err) && errors.Is(err, fasthttp.ErrBodyTooLarge):
		status, line = fasthttp.StatusRequestEntityTooLarge, "request body is too large"
	case clientFault(err):
		status, line = fasthttp.StatusBadRequest, "request body is incomplete"
	case errors.Is(err, ErrExhausted):
		status, line = fasthttp.StatusServiceUnavailable, "every connection is in use"
	case errors.Is(err, ErrClosed):
		status, line = fasthttp.StatusServiceUnavailable, "closed"
	case errors.Is(err, ErrTimeout):
		status, line = fasthttp.StatusGatewayTimeout, "backend did not answer in time"
	case errors.Is(err, ErrNoBackend):
		line = "no backend can be reached"
	}
	p.mu.Lock()
	name := p.config.Name
	p.mu.Unlock()
	ctx.Error("pool "+name+": "+line+"\n", status)
	if status == fasthttp.StatusServiceUnavailable {
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(1))
	}
	if clientFault(err) {
		ctx.SetConnectionClose() // the rest of the body may still come
	}
}
