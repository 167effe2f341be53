package listener

import (
	"bytes"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/valyala/fasthttp"

	"github.com/echterhof/rockstar-tui/internal/httpsyntax"
)

// admit gives how much of p the engine gets to see.
func (c *conn) admit(p []byte) int {
	if !c.framing.on {
		return len(p)
	}
	n := c.framing.pass(p, c.s.limits.Load().MaxHeaderBytes)
	if c.framing.refused != 0 {
		c.held = bytes.Clone(p[n:])
	}
	return n
}

var errStopped = errors.New("the client violates HTTP/1.1")

// stopped is what is read after the framing parser has held something back: nothing more by
// the engine, the very bytes by who took the connection over from it.
func (c *conn) stopped(p []byte) (int, error) {
	if c.framing.on {
		c.refuse(c.framing.refused)
		return 0, errStopped
	}
	n := copy(p, c.held)
	if c.held = c.held[n:]; len(c.held) == 0 {
		c.framing = framingParser{}
	}
	if n > 0 {
		return n, nil
	}
	return c.Read(p)
}

// gone says whether reading failed because of the connection, not of what it
// carried.
func gone(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}

// check is what to refuse a request with whose header is well-formed; 0 for
// nothing. The host of an absolute target replaces the field, so that nobody
// behind sees another one. It allocates nothing.
func check(h *fasthttp.RequestHeader) int {
	if p := h.Protocol(); string(p) != "HTTP/1.1" && string(p) != "HTTP/1.0" {
		return statusBadVersion
	}
	status := httpsyntax.Refusal(h.Method(), h.RequestURI(), h.Host())
	if host := httpsyntax.TargetHost(h.RequestURI()); status == 0 && len(host) > 0 {
		h.SetHostBytes(host)
	}
	return status
}
