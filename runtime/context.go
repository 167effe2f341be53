package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/internal/nethttp"
)

// Context is one request and its response, the same on every protocol. It is
// valid until the handler returns, and for one goroutine; the strings it gives
// may be kept.
type Context interface {
	// String answers with a text.
	String(status int, text string) error
	// JSON answers with v as JSON. If v cannot be marshalled nothing is
	// written and the error returned.
	JSON(status int, v any) error
	// Bytes answers with body, which is copied.
	Bytes(status int, contentType string, body []byte) error
	// Stream answers with what r gives. It is read after the handler has
	// returned, and then closed if it is an io.Closer. Each piece is sent as
	// soon as it has been read.
	Stream(status int, contentType string, r io.Reader) error
	// Redirect sends the client to another URL; status is from 300 to 308.
	Redirect(status int, url string) error
	// NoContent answers with a status and no body.
	NoContent(status int) error

	// Status sets the status of what is written by ResponseWriter.
	Status(code int)
	// Header is the first value of a request header, "" if there is none.
	Header(name string) string
	// SetHeader replaces a response header.
	SetHeader(name, value string)
	// Param is what a wildcard of the route stands for, decoded; "" if the
	// route has none of that name.
	Param(name string) string
	// Query is the first value of a query parameter, "" if there is none.
	Query(name string) string
	// Body of the request. Reading past MaxRequestBytes or ReadTimeout fails.
	Body() io.Reader
	// Bind decodes the body into v, a pointer: JSON, or a form into
	// *url.Values. What does not fit is an [*HTTPError] of status 400, and 415
	// if it is neither.
	Bind(v any) error

	// Request and ResponseWriter are the same exchange in the words of
	// net/http, made when first asked for. The ResponseWriter is an
	// [http.Flusher]: what is flushed is sent at once, as are informational
	// responses. It sends trailers as net/http does.
	Request() *http.Request
	ResponseWriter() http.ResponseWriter
	// Context is cancelled when the client goes away, and when the handler
	// returns.
	Context() context.Context
	// Server that the request came to.
	Server() *Server
}

// exchangeContext is the Context of any engine.
type exchangeContext struct {
	nethttp.Exchange
	*binding
}

var contexts = sync.Pool{New: func() any { return new(exchangeContext) }}

func newContext(x listener.Exchange, b *binding) *exchangeContext {
	c := contexts.Get().(*exchangeContext)
	c.Begin(x, b.pattern, b.params)
	c.binding = b
	return c
}

// release ends the context, which may be used for another exchange then.
func (c *exchangeContext) release() {
	c.Exchange.Release()
	c.binding = nil
	contexts.Put(c)
}

// failed answers for a handler that returned an error, unless that was done
// already on its way through middleware of net/http.
func (c *exchangeContext) failed(err error) {
	if isAnswered(err) {
		return
	}
	if c.table.onError != nil {
		c.Drop()
		if err = c.table.onError(c, err); err == nil {
			return
		}
	}
	status, text := c.report(err)
	c.Drop()
	c.Raw.SetStatus(status)
	c.Raw.SetHeader("Content-Type", plainText)
	c.Raw.SetBody([]byte(text + "\n"))
}

// report logs an error of a handler, and gives the answer that stands for it.
func (b *binding) report(err error) (status int, text string) {
	status, text = http.StatusInternalServerError, "internal server error"
	if stated := (*HTTPError)(nil); errors.As(err, &stated) && stated.Status >= 400 && stated.Status <= 599 {
		status, text = stated.Status, stated.text()
	}
	if status >= http.StatusInternalServerError {
		b.table.log.Error("handler failed", "route", b.pattern, "error", err)
	} else {
		b.table.log.Debug("handler refused", "route", b.pattern, "error", err)
	}
	return status, text
}

const plainText = "text/plain; charset=utf-8"

func (c *exchangeContext) writeHead(status int, contentType string) {
	c.Raw.SetStatus(status)
	c.Raw.SetHeader("Content-Type", contentType)
}

func (c *exchangeContext) String(status int, text string) error {
	c.writeHead(status, plainText)
	_, err := c.Raw.WriteString(text)
	return err
}

func (c *exchangeContext) JSON(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer with JSON: %w", err)
	}
	c.writeHead(status, "application/json")
	c.Raw.SetBody(body)
	return nil
}

func (c *exchangeContext) Bytes(status int, contentType string, body []byte) error {
	c.writeHead(status, contentType)
	_, err := c.Raw.Write(body)
	return err
}

func (c *exchangeContext) Stream(status int, contentType string, r io.Reader) error {
	c.writeHead(status, contentType)
	c.Raw.SetBodyStream(r, -1)
	return nil
}

func (c *exchangeContext) Redirect(status int, url string) error {
	if err := checkRedirect(status, url); err != nil {
		return err
	}
	c.Raw.SetHeader("Location", url)
	c.Raw.SetStatus(status)
	return nil
}

func checkRedirect(status int, url string) error {
	if status < 300 || status > 308 {
		return fmt.Errorf("redirect to %s: status %d is not a redirect: use 300 to 308", url, status)
	}
	return nil
}

func (c *exchangeContext) NoContent(status int) error {
	c.Raw.SetStatus(status)
	return nil
}

func (c *exchangeContext) Header(name string) string { return strings.Clone(c.Raw.RequestHeader(name)) }

func (c *exchangeContext) SetHeader(name, value string) { c.Raw.SetHeader(name, value) }

func (c *exchangeContext) Body() io.Reader { return c.Raw.Body() }

func (c *exchangeContext) Bind(v any) error {
	return bind(c.Raw.RequestHeader("Content-Type"), c.Raw.Body(), v)
}

func bind(contentType string, body io.Reader, v any) error {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch kind {
	case "", "application/json":
		return bindJSON(body, v)
	case "application/x-www-form-urlencoded":
		return bindForm(body, v)
	}
	return &HTTPError{Status: http.StatusUnsupportedMediaType, Message: "the body is neither JSON nor a form"}
}

func bindJSON(body io.Reader, v any) error {
	decoder := json.NewDecoder(body)
	if err := decoder.Decode(v); err != nil {
		return &HTTPError{Status: http.StatusBadRequest, Message: "the body is not valid JSON for this request", Err: err}
	}
	if _, err := decoder.Token(); err != io.EOF {
		return &HTTPError{Status: http.StatusBadRequest, Message: "the body continues after its JSON"}
	}
	return nil
}

func bindForm(body io.Reader, v any) error {
	values, ok := v.(*url.Values)
	if !ok {
		return fmt.Errorf("bind a form: got %T, want a *url.Values", v)
	}
	text, err := io.ReadAll(body)
	if err == nil {
		*values, err = url.ParseQuery(string(text))
	}
	if err != nil {
		return &HTTPError{Status: http.StatusBadRequest, Message: "the body is not a form", Err: err}
	}
	return nil
}

func (c *exchangeContext) Server() *Server { return c.server }
