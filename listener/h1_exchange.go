package listener

import (
	"errors"
	"io"
	"net"
	"strings"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// h1Exchange is the Exchange of the HTTP/1.1 engine. It is part of its
// connection, so that a request allocates none.
type h1Exchange struct {
	ctx       *fasthttp.RequestCtx
	body      h1Body
	path      []byte         // of the decoded path, if it differs from the raw one
	streaming *StreamingBody // of a response that is sent while the handler runs; else nil

	failed  bool // the handler panicked
	aborted bool // with http.ErrAbortHandler: the response is broken off
}

func (x *h1Exchange) reset(c *conn, ctx *fasthttp.RequestCtx) {
	x.ctx = ctx
	x.body = h1Body{}
	x.failed, x.aborted = false, false
	length := ctx.Request.Header.ContentLength()
	if length != -1 && length <= prefetched {
		c.bodyDone() // read by now
		return
	}
	x.body = h1Body{c: c, r: ctx.Request.BodyStream()}
	ctx.Request.SetBodyStream(&x.body, length)
}

func (x *h1Exchange) bodyRead() bool { return x.body.r == nil || x.body.done }

// checkBody reads the beginning of a chunked body that the handler has not begun
// to read, as the engine does with others: that it is malformed must be seen before
// it is answered, whoever reads it. Who reads it later gets it from the beginning.
func (x *h1Exchange) checkBody() {
	b := &x.body
	if b.r == nil || b.touched || x.streaming != nil || x.failed || b.c.verdict != 0 || x.ctx.Hijacked() || x.ContentLength() >= 0 {
		return
	}
	buf := make([]byte, prefetched)
	n := 0
	for n < len(buf) && b.aheadErr == nil {
		var got int
		got, b.aheadErr = b.fetch(buf[n:])
		n += got
	}
	b.ahead = buf[:n]
}

// h1Body is a body that is still arriving while the handler runs.
type h1Body struct {
	c       *conn
	r       io.Reader
	n       int64
	touched bool // by the handler
	done    bool

	// What was read before the handler asked for it, and how that ended.
	ahead    []byte
	aheadErr error
}

var errBodyTooLarge = errors.New("request body too large")

func (b *h1Body) Read(p []byte) (int, error) {
	b.touched = true
	switch {
	case len(b.ahead) > 0:
		n := copy(p, b.ahead)
		b.ahead = b.ahead[n:]
		return n, nil
	case b.aheadErr != nil:
		return 0, b.aheadErr
	}
	return b.fetch(p)
}

func (b *h1Body) fetch(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if limit := b.c.s.limits.Load().MaxRequestBytes; limit > 0 && b.n > limit {
		b.c.refuse(statusBodyTooLarge)
		return 0, errBodyTooLarge
	}
	if err == io.EOF {
		b.done = true
		b.c.bodyDone()
	} else if err != nil && !gone(err) {
		b.c.refuse(statusBadRequest) // the engine found something wrong
	}
	return n, err
}

func (x *h1Exchange) blame(f Fault)           { connIn(x.ctx.Conn()).blame(f) }
func (x *h1Exchange) setTimeouts(t *Timeouts) { connIn(x.ctx.Conn()).timeouts.Store(t) }

func (x *h1Exchange) Method() string     { return view(x.ctx.Method()) }
func (x *h1Exchange) RequestURI() string { return view(x.ctx.RequestURI()) }
func (x *h1Exchange) Query() string      { return view(x.ctx.URI().QueryString()) }
func (x *h1Exchange) Proto() string      { return view(x.ctx.Request.Header.Protocol()) }
func (x *h1Exchange) Host() string       { return view(x.ctx.Host()) }

func (x *h1Exchange) RawPath() string {
	if p := x.ctx.URI().PathOriginal(); len(p) > 0 {
		return view(p)
	}
	return "/" // of a target like http://host?query
}

func (x *h1Exchange) Path() string {
	raw := x.RawPath()
	if strings.IndexByte(raw, '%') < 0 {
		return raw
	}
	x.path = appendDecoded(x.path[:0], raw)
	return view(x.path)
}

func (x *h1Exchange) RequestHeader(name string) string {
	return view(x.ctx.Request.Header.Peek(name))
}

func (x *h1Exchange) RequestHeaders(fn func(name, value string)) {
	for name, value := range x.ctx.Request.Header.All() {
		fn(view(name), view(value))
	}
}

func (x *h1Exchange) ContentLength() int64 {
	if n := x.ctx.Request.Header.ContentLength(); n >= -1 {
		return int64(n)
	}
	return 0 // neither a length nor chunks: there is no body
}

func (x *h1Exchange) Body() io.Reader {
	if r := x.ctx.Request.BodyStream(); r != nil {
		return r
	}
	return strings.NewReader("")
}

func (x *h1Exchange) RemoteAddr() net.Addr { return x.ctx.RemoteAddr() }
func (x *h1Exchange) LocalAddr() net.Addr  { return x.ctx.LocalAddr() }

func (x *h1Exchange) SetStatus(code int) { x.ctx.SetStatusCode(code) }
func (x *h1Exchange) Status() int        { return x.ctx.Response.StatusCode() }

func (x *h1Exchange) SetHeader(name, value string) {
	if name == fasthttp.HeaderContentType { // which nearly every response has
		x.ctx.Response.Header.SetContentType(value)
		return
	}
	x.ctx.Response.Header.Set(name, value)
}

func (x *h1Exchange) AddHeader(name, value string) { x.ctx.Response.Header.Add(name, value) }

func (x *h1Exchange) Write(p []byte) (int, error)       { return x.ctx.Write(p) }
func (x *h1Exchange) WriteString(s string) (int, error) { return x.ctx.WriteString(s) }
func (x *h1Exchange) SetBody(p []byte)                  { x.ctx.Response.SetBodyRaw(p) }

func (x *h1Exchange) SetBodyStream(r io.Reader, size int64) {
	x.ctx.SetBodyStream(r, int(size))
}

// view is b as a string, without a copy. It lives as long as the request.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// appendDecoded decodes the percent-encoded bytes of s. What is not a valid
// encoding stands for itself.
func appendDecoded(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := hex(s[i+1]), hex(s[i+2])
			if high >= 0 && low >= 0 {
				dst = append(dst, byte(high<<4|low))
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}

// hex is the value of a hexadecimal digit, -1 of anything else.
func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
