package pool

import (
	"context"
	"errors"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/echterhof/rockstar-tui/internal/httpsyntax"
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
// use for MaxWait, 504 if the backend stayed silent for ReadTimeout.
//
// A request to switch to another protocol, such as WebSocket, is passed on too.
// If the backend agrees, the connection is taken over from the server and joined
// to that of the backend, until both have ended. An offer that RFC 9110 does not
// allow is left out. CONNECT gets 501, and TRACE, which would show the client
// what is meant for the backend alone, 405.
func (p *Pool) Proxy(ctx *fasthttp.RequestCtx) { p.ProxyFor(ctx, nil) }

// ProxyFor is [Pool.Proxy] for a request of a client that is known: while its
// backend is waited for the client is looked after, within a second of its
// leaving the backend is left too, and interim responses are passed on. client
// may be nil.
func (p *Pool) ProxyFor(ctx *fasthttp.RequestCtx, client Client) {
	if unfit(ctx) {
		return
	}
	if protocols := offer(ctx); protocols != nil {
		if s := p.upgrade(context.Background(), ctx, client, protocols); s.conn != nil {
			p.tunnel(ctx, s)
		}
		return
	}
	p.proxy(context.Background(), ctx, client)
}

// unfit answers a request that no backend gets to see: one whose method, target
// or host could not be written as what they are (servers differ in what they let
// through), or one that is not for others.
func unfit(ctx *fasthttp.RequestCtx) bool {
	h := &ctx.Request.Header
	status := httpsyntax.Refusal(h.Method(), h.RequestURI(), h.Host())
	switch {
	case status != 0 && status != fasthttp.StatusNotImplemented:
		ctx.Error("malformed request\n", status)
	case h.IsConnect():
		ctx.Error("CONNECT is not supported\n", fasthttp.StatusNotImplemented)
	case h.IsTrace():
		ctx.Error("TRACE is not forwarded\n", fasthttp.StatusMethodNotAllowed)
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	default:
		return false
	}
	return true
}

// proxy answers the request of ctx until caller ends.
func (p *Pool) proxy(caller context.Context, ctx *fasthttp.RequestCtx, client Client) {
	x := lendExchange(caller, &ctx.Request, &ctx.Response)
	defer returnExchange(x)
	x.ctx, x.client = ctx, client
	p.answer(x)
}

// answer makes the response to a request that is proxied.
func (p *Pool) answer(x *exchange) {
	ctx := x.ctx
	err := x.takeBody()
	if err == nil {
		err = p.send(x)
	}
	if x.unread {
		ctx.SetConnectionClose() // what is left of the request is not the next one
	}
	if err != nil {
		x.blame(err)
		p.refuse(ctx, err)
		return
	}
	if x.client != nil && ctx.Response.StatusCode() >= fasthttp.StatusInternalServerError {
		x.client.BackendFailed()
	}
	if x.switching != nil && x.switching.conn != nil {
		return // more than a response
	}
	h := &ctx.Response.Header
	stripResponse(h)
	h.SetProtocol(nil) // ours, not the backend's
	h.SetNoDefaultContentType(true)
}

// blame tells whose fault it is that there is no answer. That connections are
// bound is nobody's but ours.
func (x *exchange) blame(err error) {
	switch {
	case x.client == nil || clientFault(err) || errors.Is(err, ErrExhausted) || errors.Is(err, ErrClosed):
	case x.clientFault(err):
		x.client.Canceled()
	default:
		x.client.BackendFailed()
	}
}

// statusClientGone is what nobody gets to see but logs, as with nginx.
const statusClientGone = 499

// refuse answers for the backend. The line names the pool; what exactly went
// wrong is for the operator, not for the client.
func (p *Pool) refuse(ctx *fasthttp.RequestCtx, err error) {
	status, line := fasthttp.StatusBadGateway, "no backend could answer"
	switch {
	case clientFault(err) && errors.Is(err, fasthttp.ErrBodyTooLarge):
		status, line = fasthttp.StatusRequestEntityTooLarge, "request body is too large"
	case clientFault(err):
		status, line = fasthttp.StatusBadRequest, "request body is incomplete"
	case errors.Is(err, errClientGone):
		status, line = statusClientGone, "the client has left"
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
	if clientFault(err) || status == statusClientGone {
		ctx.SetConnectionClose() // the rest of the body may still come
	}
}
