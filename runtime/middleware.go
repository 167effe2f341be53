package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/runtime/internal/nethttp"
)

// middleware brings what a program gave to Use or Group into one form.
func (t *routeTable) middleware(use []any) (out []Middleware) {
	for i, m := range use {
		switch m := m.(type) {
		case Middleware:
			out = append(out, m)
		case func(HandlerFunc) HandlerFunc:
			out = append(out, m)
		case func(http.Handler) http.Handler:
			out = append(out, t.adapt(m))
		default:
			panic(fmt.Sprintf("runtime: middleware %d is a %T: want a runtime.Middleware or a func(http.Handler) http.Handler", i+1, m))
		}
	}
	return out
}

// ofNetHTTP says whether some of use is written for net/http.
func ofNetHTTP(use []any) bool {
	return slices.ContainsFunc(use, func(m any) bool {
		_, plain := m.(func(http.Handler) http.Handler)
		return plain
	})
}

// withinNetHTTP says whether middleware of net/http wraps the routes of r.
func (r *Router) withinNetHTTP() bool {
	for ; r != nil; r = r.parent {
		if r.plain {
			return true
		}
	}
	return false
}

// mounted lets a plain http.Handler answer. Its panics are the engine's: one
// before anything is sent is answered with 500, any other breaks the connection or
// the stream off, and [http.ErrAbortHandler] always does, silently.
func mounted(ctx Context, h http.Handler) error {
	h.ServeHTTP(ctx.ResponseWriter(), ctx.Request())
	return nil
}

// adapt makes middleware of net/http wrap a handler of ours. What it does to the
// request and to the response writer is what the handler sees.
func (t *routeTable) adapt(wrap func(http.Handler) http.Handler) Middleware {
	return func(next HandlerFunc) HandlerFunc {
		h := wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			passageOf(r).serve(next, w, r)
		}))
		return func(ctx Context) error {
			p := &passage{server: ctx.Server(), binding: t.bindingOf(ctx)}
			err := mounted(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), passageKey{}, p)))
			}))
			if failure := p.failure.Load(); err == nil && failure != nil {
				err = *failure
			}
			return err
		}
	}
}

// bindingOf is for the log: of a Context that the program made there is none.
func (t *routeTable) bindingOf(ctx Context) *binding {
	if c, ok := ctx.(*exchangeContext); ok {
		return c.binding
	}
	if c, ok := ctx.(*netContext); ok {
		return c.passage.binding
	}
	return &binding{table: t, server: ctx.Server()}
}

// passage is one request on its way through middleware of net/http. It holds
// nothing of the exchange, which the middleware may outlast.
type passage struct {
	server  *Server
	binding *binding
	failure atomic.Pointer[error]
}

type passageKey struct{}

func passageOf(r *http.Request) *passage {
	p, ok := r.Context().Value(passageKey{}).(*passage)
	if !ok {
		panic("runtime: middleware called its handler with a request whose context is not that of the one it got")
	}
	return p
}

// serve calls the handler. Its error is answered here, so that the middleware
// sees the status. A response that has begun is broken off: some of it may have
// been sent, and it must not pass for a whole one.
func (p *passage) serve(next HandlerFunc, w http.ResponseWriter, r *http.Request) {
	c := &netContext{passage: p, r: r, w: nethttp.StatusWriter{ResponseWriter: w}}
	err := next(c)
	switch {
	case err == nil:
	case isAnswered(err): // by other middleware within
		p.failure.Store(&err)
	case c.w.Wrote:
		p.binding.report(err)
		panic(http.ErrAbortHandler)
	default:
		if err = c.answer(err); err != nil {
			p.failure.Store(&err)
		}
	}
	c.w.Begin()
}

// answeredError is an error whose client was told.
type answeredError struct{ error }

func (e *answeredError) Unwrap() error { return e.error }

func isAnswered(err error) bool {
	answered := (*answeredError)(nil)
	return errors.As(err, &answered)
}

// netContext is the Context of a handler behind middleware of net/http.
type netContext struct {
	passage *passage
	w       nethttp.StatusWriter
	r       *http.Request
}

// answer stands for a handler that returned an error and had written nothing. It
// gives the error that others are to see.
func (c *netContext) answer(err error) error {
	if onError := c.passage.binding.table.onError; onError != nil {
		if err = onError(c, err); err == nil || c.w.Wrote {
			return nil
		}
	}
	status, text := c.passage.binding.report(err)
	c.begin(status, plainText)
	io.WriteString(&c.w, text+"\n") // if nobody reads it any more, nobody is told
	return &answeredError{err}
}

func (c *netContext) begin(status int, contentType string) {
	c.SetHeader("Content-Type", contentType)
	c.w.WriteHeader(status)
}

func (c *netContext) String(status int, text string) error {
	c.begin(status, plainText)
	_, err := io.WriteString(&c.w, text)
	return err
}

func (c *netContext) JSON(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer with JSON: %w", err)
	}
	return c.Bytes(status, "application/json", body)
}

func (c *netContext) Bytes(status int, contentType string, body []byte) error {
	c.begin(status, contentType)
	_, err := c.w.Write(body)
	return err
}

// Stream sends at once, unlike that of an exchange: the middleware expects the
// response to be complete when its handler returns.
func (c *netContext) Stream(status int, contentType string, r io.Reader) error {
	if closer, ok := r.(io.Closer); ok {
		defer closer.Close()
	}
	c.begin(status, contentType)
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := c.w.Write(buf[:n]); err != nil {
				return err
			}
			c.w.Flush()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *netContext) Redirect(status int, url string) error {
	if err := checkRedirect(status, url); err != nil {
		return err
	}
	c.SetHeader("Location", url)
	c.w.WriteHeader(status)
	return nil
}

func (c *netContext) NoContent(status int) error {
	c.w.WriteHeader(status)
	return nil
}

func (c *netContext) Status(code int) { c.w.Status = code }

func (c *netContext) Header(name string) string {
	if http.CanonicalHeaderKey(name) == "Host" {
		return c.r.Host
	}
	return c.r.Header.Get(name)
}

func (c *netContext) SetHeader(name, value string)        { c.w.Header().Set(name, value) }
func (c *netContext) Param(name string) string            { return c.r.PathValue(name) }
func (c *netContext) Query(name string) string            { return c.r.URL.Query().Get(name) }
func (c *netContext) Body() io.Reader                     { return c.r.Body }
func (c *netContext) Request() *http.Request              { return c.r }
func (c *netContext) ResponseWriter() http.ResponseWriter { return &c.w }
func (c *netContext) Context() context.Context            { return c.r.Context() }
func (c *netContext) Server() *Server                     { return c.passage.server }

func (c *netContext) Bind(v any) error {
	return bind(c.r.Header.Get("Content-Type"), c.r.Body, v)
}
