package pool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/valyala/fasthttp"
)

var (
	errSwitched  = errors.New("backend switched protocols, which nobody had requested")
	errInterim   = errors.New("backend sent too many interim responses")
	errMalformed = errors.New("backend sent a malformed status line")
)

// maxInterim bounds the 1xx responses before the real one.
const maxInterim = 16

// readHead reads the header of the response, after any interim ones. The reader
// it returns takes the place of r, which may be too small.
func (x *exchange) readHead(resp *fasthttp.Response, c *conn, r *bufio.Reader) (*bufio.Reader, error) {
	for range maxInterim {
		var err error
		if r, err = x.readHeader(&resp.Header, c, r); err != nil {
			return r, err
		}
		switch status := resp.StatusCode(); {
		case status == fasthttp.StatusSwitchingProtocols:
			if x.switching == nil || !x.switching.agreed(&resp.Header) {
				return r, errSwitched
			}
			return r, nil
		case status >= 200:
			return r, nil
		case status != fasthttp.StatusContinue: // which was not asked for here
			x.inform(&resp.Header, c.upload)
		}
	}
	return r, errInterim
}

// interim is an interim response on its way to the client.
type interim struct {
	status int
	header http.Header
}

// inform passes an interim response on (RFC 9110, 15.2), once nobody else has to
// do with the client's connection.
func (x *exchange) inform(h *fasthttp.ResponseHeader, meanwhile *upload) {
	if x.client == nil {
		return
	}
	status := h.StatusCode()
	stripResponse(h)
	h.SetNoDefaultContentType(true)
	header := http.Header{}
	for name, value := range h.All() {
		if !hopByHop(name) && !is(name, "Content-Length") && !is(name, "Trailer") {
			header.Add(string(name), string(value))
		}
	}
	if meanwhile != nil {
		meanwhile.interim = append(meanwhile.interim, interim{status, header})
		return
	}
	x.client.Inform(status, header)
}

// readHeader reads one header. One that does not fit into the buffer gets a
// larger one, up to MaxHeaderBytes.
func (x *exchange) readHeader(h *fasthttp.ResponseHeader, c *conn, r *bufio.Reader) (*bufio.Reader, error) {
	bound := x.limits.MaxHeaderBytes
	if bound == 0 {
		bound = DefaultMaxHeaderBytes
	}
	if err := checkStatus(r); err != nil {
		return r, err
	}
	for {
		err := h.Read(r)
		if err == nil {
			return r, nil
		}
		if full := (*fasthttp.ErrSmallBuffer)(nil); !errors.As(err, &full) {
			return r, err
		}
		if r.Size() >= bound {
			return r, fmt.Errorf("%w (%d bytes)", ErrHeaderTooLarge, bound)
		}
		r = widen(r, c, min(2*r.Size(), bound))
	}
}

// widen returns a reader that goes on where r is, with a larger buffer.
func widen(r *bufio.Reader, c *conn, size int) *bufio.Reader {
	begun, _ := r.Peek(r.Buffered())
	wide := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(begun)), c), size)
	returnReader(r)
	return wide
}

// checkStatus refuses what the parser lets pass in the status line that comes
// next: a status of 000, which it takes for 200, and control bytes in the reason.
// It waits for that line; of an error the parser will tell.
func checkStatus(r *bufio.Reader) error {
	line, ok := peekLine(r)
	if !ok {
		return nil
	}
	_, status, _ := bytes.Cut(line, []byte(" "))
	if bytes.HasPrefix(bytes.TrimLeft(status, " "), []byte("000")) {
		return errMalformed
	}
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return errMalformed
		}
	}
	return nil
}

// peekLine gives the next line that is not blank, and false if there is none.
func peekLine(r *bufio.Reader) (line []byte, ok bool) {
	for n := 1; ; n = r.Buffered() + 1 {
		if _, err := r.Peek(n); err != nil {
			return nil, false
		}
		b, _ := r.Peek(r.Buffered())
		b = bytes.TrimLeft(b, "\r\n")
		if line, _, ok := bytes.Cut(b, []byte("\n")); ok {
			return bytes.TrimSuffix(line, []byte("\r")), true
		}
	}
}

// read reads the response. r is given back here, or by the streamed body.
func (p *Pool) read(x *exchange, c *conn, r *bufio.Reader) (reuse bool, err error) {
	resp := x.resp
	resp.ResetBody()
	r, err = x.readHead(resp, c, r)
	if err != nil {
		returnReader(r)
		return false, err
	}
	if c.upload != nil {
		c.upload.settle(resp.StatusCode())
	}
	if resp.StatusCode() == fasthttp.StatusSwitchingProtocols {
		x.switching.conn, x.switching.reader = c, r
		return false, nil
	}
	reuse = !resp.Header.ConnectionClose()
	n := resp.Header.ContentLength()
	switch {
	case x.bodiless():
	case x.streams(n):
		p.stream(x, c, r)
		return reuse, nil
	default:
		err = x.readBody(r, n)
	}
	// Anything left over was not asked for and must not answer the next request.
	reuse = reuse && r.Buffered() == 0
	returnReader(r)
	return reuse, err
}

// bodiless reports whether the response ends with its header.
func (x *exchange) bodiless() bool {
	status := x.resp.StatusCode()
	return x.req.Header.IsHead() || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified
}

// Bodies of a known length up to bufferedBody are read whole before the client
// gets them: cheaper, and still repeatable if the backend breaks off. A client
// of HTTP/1.0 cannot be sent a body of unknown length on a connection it wants
// to keep; up to buffered10 that is read whole to learn the length.
const (
	bufferedBody = 64 << 10
	buffered10   = 8 << 20
)

// streams reports whether a body of length n, negative if unknown, is passed on
// while it arrives.
func (x *exchange) streams(n int) bool {
	if x.ctx == nil {
		return x.resp.StreamBody
	}
	return n > bufferedBody || n < 0 && x.req.Header.IsHTTP11()
}

func (x *exchange) readBody(r *bufio.Reader, n int) error {
	bound := 0
	if n < 0 && x.ctx != nil {
		bound = buffered10
	}
	stream := x.resp.StreamBody
	x.resp.StreamBody = false
	err := x.resp.ReadBody(r, bound)
	if err == nil && n == -1 {
		err = x.resp.Header.ReadTrailer(r)
	}
	x.resp.StreamBody = stream
	return err
}
