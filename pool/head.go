package pool

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"strconv"

	"github.com/valyala/fasthttp"
)

// hopByHop reports whether a field concerns one connection only and is not
// passed on in either direction (RFC 9110, 7.6.1).
func hopByHop(name []byte) bool {
	switch len(name) {
	case 2:
		return is(name, "TE")
	case 7:
		return is(name, "Upgrade")
	case 10:
		return is(name, "Connection") || is(name, "Keep-Alive")
	case 14:
		return is(name, "HTTP2-Settings")
	case 16:
		return is(name, "Proxy-Connection")
	case 17:
		return is(name, "Transfer-Encoding")
	case 18:
		return is(name, "Proxy-Authenticate")
	case 19:
		return is(name, "Proxy-Authorization")
	}
	return false
}

// ours reports whether a request field is written by this proxy itself or
// meant for it. Who the client is and where it came from is among that: a
// stranger's word for it would pass for that of this proxy. Many servers make an
// underscore of a dash, so that either spelling is the same field.
func ours(name []byte) bool {
	switch len(name) {
	case 4:
		return is(name, "Host")
	case 6:
		return is(name, "Expect")
	case 7:
		return is(name, "Trailer")
	case 9:
		return is(name, "Forwarded") || isDashed(name, "X-Real-IP")
	case 14:
		return isDashed(name, "Content-Length")
	case 17:
		if isDashed(name, "Transfer-Encoding") {
			return true
		}
	}
	return len(name) > len(forwarded) && isDashed(name[:len(forwarded)], forwarded)
}

const forwarded = "X-Forwarded-"

// isDashed is like is, and takes an underscore for a dash.
func isDashed(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i, c := range name {
		if c == '_' {
			c = '-'
		}
		if lower(c) != lower(want[i]) {
			return false
		}
	}
	return true
}

// is compares without regard to case. want is ASCII.
func is(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i := range name {
		if lower(name[i]) != lower(want[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// fields walks the lines of a header after its first one. It skips lines whose
// name is no token: backends differ in what they make of those, and that is
// what smuggling is made of.
type fields struct{ rest, line, name, value []byte }

func newFields(head []byte) fields {
	_, rest, _ := bytes.Cut(head, crlf)
	return fields{rest: rest}
}

func (f *fields) next() bool {
	for len(f.rest) > 2 {
		i := bytes.Index(f.rest, crlf)
		if i < 0 {
			return false
		}
		f.line, f.rest = f.rest[:i+2], f.rest[i+2:]
		name, value, ok := bytes.Cut(f.line[:i], colon)
		if ok && token(name) {
			f.name, f.value = name, bytes.TrimSpace(value)
			return true
		}
	}
	return false
}

var (
	crlf  = []byte("\r\n")
	colon = []byte(":")
	comma = []byte(",")
)

func token(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f || tokenless[c] {
			return false
		}
	}
	return len(name) > 0
}

// tokenless are the visible characters that a token must not have.
var tokenless = func() (t [128]bool) {
	for _, c := range `"(),/:;<=>?@[\]{}` {
		t[c] = true
	}
	return t
}()

// names are the options of Connection fields.
type names struct {
	list [32][]byte
	n    int
}

// add notes the options of one Connection field. More than the list has room
// for is beyond any purpose.
func (o *names) add(value []byte) {
	for len(value) > 0 && o.n < len(o.list) {
		var name []byte
		name, value, _ = bytes.Cut(value, comma)
		if name = bytes.TrimSpace(name); len(name) > 0 && !is(name, "close") && !is(name, "keep-alive") {
			o.list[o.n] = name
			o.n++
		}
	}
}

func (o *names) has(name []byte) bool {
	for _, n := range o.list[:o.n] {
		if bytes.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// writeProxied writes the proxied request for c: the client's, with the fields
// of its connection replaced by those of ours. The request itself is unchanged
// and can be written again.
func (x *exchange) writeProxied(w *bufio.Writer, c *conn) error {
	h := &x.req.Header
	h.SetNoDefaultContentType(true)
	x.head = h.AppendBytes(x.head[:0])

	_, _ = w.Write(h.Method())
	_ = w.WriteByte(' ')
	host := x.writeTarget(w)
	_, _ = w.WriteString(" HTTP/1.1\r\nHost: ")
	if len(host) > 0 {
		_, _ = w.Write(host)
	} else {
		_, _ = w.WriteString(c.backend.addr)
	}
	_, _ = w.Write(crlf)

	var dropped names
	for f := newFields(x.head); f.next(); {
		if is(f.name, "Connection") {
			dropped.add(f.value)
		}
	}
	for f := newFields(x.head); f.next(); {
		if !hopByHop(f.name) && !ours(f.name) && !dropped.has(f.name) {
			_, _ = w.Write(f.line)
		}
	}
	if x.switching != nil {
		_, _ = w.WriteString("Connection: Upgrade\r\nUpgrade: ")
		_, _ = w.Write(x.switching.protocols)
		_, _ = w.Write(crlf)
	}
	x.writeForwarded(w, host)
	x.writeFraming(w)
	_, err := w.Write(x.body) // nil if it is to come from the source
	return err
}

// writeTarget writes the request target as it came, less a fragment, which has
// no business there, and returns the host asked for. Of the absolute form only
// the path is left and its host overrides the Host field (RFC 9112, 3.2.2).
func (x *exchange) writeTarget(w *bufio.Writer) (host []byte) {
	h := &x.req.Header
	target := h.RequestURI()
	if target[0] == '/' || len(target) == 1 {
		target, _, _ = bytes.Cut(target, []byte("#"))
		_, _ = w.Write(target)
		return h.Host()
	}
	u := x.req.URI()
	if path := u.PathOriginal(); len(path) > 0 {
		_, _ = w.Write(path)
	} else {
		_ = w.WriteByte('/')
	}
	if query := u.QueryString(); len(query) > 0 {
		_ = w.WriteByte('?')
		_, _ = w.Write(query)
	}
	return u.Host()
}

// writeForwarded writes who asked and how.
func (x *exchange) writeForwarded(w *bufio.Writer, host []byte) {
	_, _ = w.WriteString("X-Forwarded-For: ")
	_, _ = w.Write(appendIP(w.AvailableBuffer(), x.ctx.RemoteAddr()))
	if len(host) > 0 {
		_, _ = w.WriteString("\r\nX-Forwarded-Host: ")
		_, _ = w.Write(host)
	}
	_, _ = w.WriteString("\r\nX-Forwarded-Proto: ")
	if x.ctx.IsTLS() {
		_, _ = w.WriteString("https\r\n")
	} else {
		_, _ = w.WriteString("http\r\n")
	}
}

// appendIP appends the address of the peer without its port.
func appendIP(b []byte, addr net.Addr) []byte {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		if ip, ok := netip.AddrFromSlice(tcp.IP); ok {
			return ip.Unmap().AppendTo(b)
		}
	}
	return append(b, "unknown"...)
}

// writeFraming ends the header with the framing of the body.
func (x *exchange) writeFraming(w *bufio.Writer) {
	switch {
	case x.source != nil && x.length < 0:
		_, _ = w.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	case x.source != nil:
		writeLength(w, x.length)
	case len(x.body) > 0 || x.saysLength():
		writeLength(w, len(x.body))
	default:
		_, _ = w.Write(crlf)
	}
}

// saysLength reports whether the request tells of its body also if that is empty.
func (x *exchange) saysLength() bool {
	h := &x.req.Header
	return h.ContentLength() >= 0 || h.IsPost() || h.IsPut() || h.IsPatch()
}

func writeLength(w *bufio.Writer, n int) {
	_, _ = w.WriteString("Content-Length: ")
	_, _ = w.Write(strconv.AppendInt(w.AvailableBuffer(), int64(n), 10))
	_, _ = w.WriteString("\r\n\r\n")
}

// stripResponse removes from a response what concerns the backend's connection.
func stripResponse(h *fasthttp.ResponseHeader) {
	var hop, named names
	for name, value := range h.All() {
		if is(name, "Connection") {
			named.add(value)
		}
		if hopByHop(name) && !is(name, "Transfer-Encoding") && hop.n < len(hop.list) {
			hop.list[hop.n] = name
			hop.n++
		}
	}
	for _, name := range named.list[:named.n] {
		if !is(name, "Content-Length") && !is(name, "Transfer-Encoding") {
			h.DelBytes(name)
		}
	}
	for _, name := range hop.list[:hop.n] {
		h.DelBytes(name)
	}
}
