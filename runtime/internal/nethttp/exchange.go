// Package nethttp is an exchange as net/http sees it. The engines of HTTP/1.1
// serve without http.Request and http.ResponseWriter; HTTP/2 and HTTP/3 have them
// from the start. Here a handler gets both on every protocol, made when it first
// asks for them, with the promises that net/http gives: trailers, informational
// responses, a context that ends with the client, a response that never looks
// whole when it is not.
//
// An [Exchange] is made for one request: Begin, then the handler, then Finish
// where the handler has returned, and Release in any case. [Params] are the
// wildcards of a path, [Answer] lets a handler of net/http answer an exchange that
// has no Exchange here, and a [StatusWriter] stands in front of a ResponseWriter.
//
// Nothing here knows a server, a route or an App.
package nethttp

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/echterhof/rockstar-tui/listener"
)

// Exchange is one request and its response, of any engine. It is for one
// goroutine, from Begin to Release.
type Exchange struct {
	// Raw is what the engine has.
	Raw listener.Exchange

	pattern string
	params  Params

	request *http.Request
	writer  *responseWriter
	body    *requestBody // of request; nil if it has none
	ctx     context.Context
	cancel  context.CancelFunc
	query   url.Values
}

// Begin starts an exchange that a route answers: the pattern of the route becomes
// that of the request, and params are the wildcards of its path.
func (e *Exchange) Begin(raw listener.Exchange, pattern string, params Params) {
	e.Raw, e.pattern, e.params = raw, pattern, params
}

// Finish ends the response of a handler that has returned. One that is not as long
// as the handler declared is broken off: it panics with [http.ErrAbortHandler],
// which the engine expects.
func (e *Exchange) Finish() {
	if w := e.writer; w != nil {
		e.writer = nil
		if !w.finish() {
			panic(http.ErrAbortHandler)
		}
	}
}

// Release ends the context of the exchange and forgets everything of it. It
// belongs into a defer, because it is called after a panic as well.
func (e *Exchange) Release() {
	if e.cancel != nil {
		e.cancel()
	}
	if e.body != nil {
		e.body.end()
	}
	if e.writer != nil {
		e.writer.finish()
	}
	*e = Exchange{}
}

// Drop forgets what was written and not sent.
func (e *Exchange) Drop() {
	e.writer = nil
	e.Raw.SetBody(nil)
}

// Status sets the status of what is written from now on.
func (e *Exchange) Status(code int) {
	e.Raw.SetStatus(code)
	if e.writer != nil {
		e.writer.status = code
	}
}

// Param is what a wildcard of the route stands for, decoded; "" if the route has
// none of that name.
func (e *Exchange) Param(name string) string {
	for _, p := range e.params {
		if p.name == name {
			return p.value(e.Raw.RawPath())
		}
	}
	return ""
}

// Query is the first value of a query parameter, "" if there is none.
func (e *Exchange) Query(name string) string {
	if e.query == nil {
		e.query, _ = url.ParseQuery(strings.Clone(e.Raw.Query())) // what is malformed is left out
	}
	return e.query.Get(name)
}
