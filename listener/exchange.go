package listener

import (
	"io"
	"net"

	"github.com/valyala/fasthttp"
)

// Handler answers one request. A panic in it is answered with 500.
type Handler func(Exchange)

// Exchange is one request and its response, whichever engine carries it. It is
// valid until the handler returns, and so is every string and reader taken from
// it: clone what must live longer. It is not safe for concurrent use.
type Exchange interface {
	// Method of the request, such as "GET".
	Method() string
	// RequestURI is the target as it was sent.
	RequestURI() string
	// RawPath is the path as it was sent, without the query.
	RawPath() string
	// Path is the path with percent-encoding decoded, but not cleaned: what
	// URL.Path is in net/http.
	Path() string
	// Query is what follows the question mark, as it was sent.
	Query() string
	// Proto is "HTTP/1.1", "HTTP/1.0", "HTTP/2.0" or "HTTP/3.0".
	Proto() string
	// Host as it was sent, from the target or the header, in lower case.
	Host() string
	// RequestHeader is the first value of a header, "" if there is none.
	RequestHeader(name string) string
	// RequestHeaders calls fn for each header value received.
	RequestHeaders(fn func(name, value string))
	// ContentLength of the request body in bytes, -1 if it is not known.
	ContentLength() int64
	// Body of the request; never nil. Reading past MaxRequestBytes or the read
	// timeout fails, and the request is then answered with 413 or 408 whatever
	// the handler does.
	Body() io.Reader
	// RemoteAddr and LocalAddr are the two ends of the connection.
	RemoteAddr() net.Addr
	LocalAddr() net.Addr

	// SetStatus of the response; 200 if it is never called.
	SetStatus(code int)
	// Status is what was set.
	Status() int
	// SetHeader replaces, AddHeader appends a response header.
	SetHeader(name, value string)
	AddHeader(name, value string)
	// Write and WriteString append to the response body. They never fail; the
	// response is sent when the handler has returned.
	Write(p []byte) (int, error)
	WriteString(s string) (int, error)
	// SetBody makes p the response body without copying it. It must not be
	// changed any more.
	SetBody(p []byte)
	// SetBodyStream makes r the response body, sent after the handler has
	// returned and then closed if it is an io.Closer. size is in bytes, -1 if
	// it is not known. An *os.File is sent without copying where possible.
	SetBodyStream(r io.Reader, size int64)
}

// FastHTTP gives the request context behind an Exchange that the HTTP/1.1
// engine carries, for handlers that have a faster way on it. A handler that
// hijacks the connection through it must recover its own panics.
func FastHTTP(x Exchange) (*fasthttp.RequestCtx, bool) {
	h, ok := x.(*h1Exchange)
	if !ok {
		return nil, false
	}
	return h.ctx, true
}
