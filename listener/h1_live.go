package listener

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/valyala/fasthttp"
)

// The HTTP/1.1 engine sends a response when its handler has returned. What a
// handler wants on its way before that is written past the engine.

// canBypass says whether what is written now comes to the client in its place.
// A response that the engine keeps, because a further request is already there,
// would come too late.
func (c *conn) canBypass() bool { return !c.pipelined && c.verdict == 0 }

// Inform sends an informational response (1xx) with the headers so far, before
// the one that the handler makes. It is for exchanges of the HTTP/1.1 engine,
// others do that through [NetHTTP]. Informing is a courtesy: nothing is sent to
// who speaks HTTP/1.0, nor to who sent the request behind one not answered yet.
func Inform(x Exchange, status int, header http.Header) {
	h, ok := x.(*h1Exchange)
	if !ok || h.streaming != nil || status < 100 || status > 199 || status == http.StatusSwitchingProtocols {
		return
	}
	if status == http.StatusContinue && h.RequestHeader("Expect") != "" {
		return // the engine has said so
	}
	c := connIn(h.ctx.Conn())
	if !c.canBypass() || !h.ctx.Request.Header.IsHTTP11() {
		return
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	header.WriteSubset(&text, map[string]bool{"Content-Length": true, "Transfer-Encoding": true, "Trailer": true})
	text.WriteString("\r\n")
	c.Write(text.Bytes())
}

// StreamingBody is the body of a response that is sent while its handler runs, on
// HTTP/1.1. The engine ends it when the handler has returned, with the trailers
// that are set in its response header by then.
type StreamingBody struct {
	c       *conn
	ctx     *fasthttp.RequestCtx
	out     *bufio.Writer // nil where the response has no body
	chunked bool
	left    int64 // bytes that were announced and not written
	last    bool  // the connection ends behind it
	err     error
}

// StartStreaming sends the header of the response of x as it was set so far, and what
// was written, and gives a writer of the rest. size is that of the whole body,
// -1 if it is not known. It gives nil where the response has to wait: behind
// another one, or because its body is a stream, or on another engine.
func StartStreaming(x Exchange, size int64) *StreamingBody {
	h, ok := x.(*h1Exchange)
	if !ok || h.streaming != nil || h.ctx.Response.IsBodyStream() {
		return nil
	}
	c := connIn(h.ctx.Conn())
	if !c.canBypass() {
		return nil
	}
	if size < 0 || size >= lasting {
		c.label("http/1.1", view(h.ctx.Method()), view(h.ctx.RequestURI()))
	}
	l := &StreamingBody{c: c, ctx: h.ctx, left: size}
	h.streaming = l
	response := &h.ctx.Response
	body := bytes.Clone(response.Body())
	header := l.header(!h.bodyRead())
	if _, l.err = c.Write(header); l.err == nil && !h.ctx.IsHead() && bodyAllowed(response.StatusCode()) {
		l.out = bufio.NewWriter(c)
	}
	l.Write(body)
	l.Flush()
	return l
}

// header decides how the body is told from what follows it.
func (l *StreamingBody) header(unread bool) []byte {
	h := &l.ctx.Response.Header
	newer := l.ctx.Request.Header.IsHTTP11()
	l.last = unread || !newer || l.ctx.Request.Header.ConnectionClose() || l.c.mustEnd()
	if l.last {
		h.SetConnectionClose()
		l.c.last = true
	}
	switch {
	case l.left >= 0:
		h.SetContentLength(int(l.left))
	case newer && bodyAllowed(l.ctx.Response.StatusCode()):
		l.chunked = true
		h.SetContentLength(-1)
	}
	return bytes.Clone(h.Header())
}

// Write sends p, or keeps it for the next Flush.
func (l *StreamingBody) Write(p []byte) (int, error) {
	switch {
	case l.err != nil:
		return 0, l.err
	case l.out == nil || len(p) == 0:
		return len(p), nil
	case l.chunked:
		return l.chunk(p)
	case l.left >= 0 && int64(len(p)) > l.left:
		return 0, http.ErrContentLength
	}
	n, err := l.out.Write(p)
	l.left -= int64(n)
	l.err = err
	return n, err
}

func (l *StreamingBody) chunk(p []byte) (int, error) {
	fmt.Fprintf(l.out, "%x\r\n", len(p))
	n, _ := l.out.Write(p)
	_, l.err = l.out.WriteString("\r\n")
	return n, l.err
}

// Flush sends what was kept.
func (l *StreamingBody) Flush() error {
	if l.err == nil && l.out != nil {
		l.err = l.out.Flush()
	}
	return l.err
}

var errNotWhole = errors.New("the response is shorter than announced")

// end is called when the handler has returned. The engine, which knows nothing
// of all this, is left an empty response, and the connection told to keep it to
// itself. A response that is not whole is broken off, so that the client sees it.
func (l *StreamingBody) end(whole bool) {
	switch {
	case !whole || l.out != nil && !l.chunked && l.left > 0:
		l.err = errNotWhole
	case l.chunked && l.out != nil:
		io.WriteString(l.out, "0\r\n")
		l.out.Write(l.ctx.Response.Header.TrailerHeader())
	}
	l.Flush()
	l.ctx.Response.Reset()
	l.c.discardOutput = discardHeader
	if l.err != nil {
		l.c.discardOutput = discardAll
	}
	if l.err != nil || l.last {
		l.ctx.SetConnectionClose()
	}
}

// discardMode is what of the engine's writing the client is not to see: nothing, a
// header, or all that still comes.
type discardMode int

const (
	discardNothing discardMode = iota
	discardHeader
	discardAll
)

// writeDiscarding swallows what the client is not to see of p.
func (c *conn) writeDiscarding(p []byte) (int, error) {
	if c.discardOutput == discardAll {
		return len(p), nil
	}
	for i, b := range p {
		if b != "\r\n\r\n"[c.headerEndSeen] {
			c.headerEndSeen = 0
		}
		if b == "\r\n\r\n"[c.headerEndSeen] {
			c.headerEndSeen++
		}
		if c.headerEndSeen == len("\r\n\r\n") {
			c.discardOutput, c.headerEndSeen = discardNothing, 0
			if i+1 == len(p) {
				return len(p), nil
			}
			n, err := c.Write(p[i+1:])
			return i + 1 + n, err
		}
	}
	return len(p), nil
}
