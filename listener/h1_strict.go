package listener

import (
	"bytes"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/valyala/fasthttp"
)

// admit gives how much of p the engine gets to see.
func (c *conn) admit(p []byte) int {
	if !c.gate.on {
		return len(p)
	}
	n := c.gate.pass(p, c.s.terms.Load().MaxHeaderBytes)
	if c.gate.refused != 0 {
		c.held = bytes.Clone(p[n:])
	}
	return n
}

var errStopped = errors.New("the client does not keep to HTTP/1.1")

// stopped is what is read after the gate has stopped something: nothing more by
// the engine, the very bytes by who took the connection over from it.
func (c *conn) stopped(p []byte) (int, error) {
	if c.gate.on {
		c.refuse(c.gate.refused)
		return 0, errStopped
	}
	n := copy(p, c.held)
	if c.held = c.held[n:]; len(c.held) == 0 {
		c.gate = gate{}
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
// nothing. It allocates nothing.
func check(h *fasthttp.RequestHeader) int {
	if p := h.Protocol(); string(p) != "HTTP/1.1" && string(p) != "HTTP/1.0" {
		return statusBadVersion
	}
	if string(h.Method()) == "CONNECT" {
		return statusNotImplemented
	}
	if !validTarget(h.RequestURI()) || !validHost(h.Host()) {
		return statusBadRequest
	}
	return 0
}

// validTarget looks at the form of a target; which methods may have an asterisk
// is known to the engine.
func validTarget(t []byte) bool {
	if len(t) > 0 && t[0] == '/' || len(t) == 1 && t[0] == '*' {
		return true
	}
	scheme, rest, _ := bytes.Cut(t, []byte("://"))
	if !bytes.EqualFold(scheme, []byte("http")) && !bytes.EqualFold(scheme, []byte("https")) {
		return false
	}
	if end := bytes.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return len(rest) > 0 && validHost(rest)
}

// inHost are the bytes of a name or an IPv4 address: no user information, no
// blank, nothing that ends an authority.
var inHost = func() (t [256]bool) {
	for _, c := range "-._~!$&'()*+,;=%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		t[c] = true
	}
	return t
}()

// validHost says whether h is a host and perhaps a port. None at all is valid:
// where one is needed, the engine asks for it.
func validHost(h []byte) bool {
	i := 0
	if len(h) > 0 && h[0] == '[' {
		if i = bytes.IndexByte(h, ']') + 1; i < len("[::]") || !validIPv6(h[1:i-1]) {
			return false
		}
	}
	for i < len(h) && inHost[h[i]] {
		if h[0] == '[' {
			return false // only a port may follow
		}
		i++
	}
	if i == len(h) {
		return true
	}
	return i > 0 && h[i] == ':' && validPort(h[i+1:])
}

func validIPv6(b []byte) bool {
	for _, c := range b {
		if hex(c) < 0 && c != ':' && c != '.' {
			return false
		}
	}
	return bytes.IndexByte(b, ':') >= 0
}

func validPort(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) <= len("65535")
}
