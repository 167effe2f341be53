package listener

import (
	"net/http"
	"strconv"
)

// connectionFields belong to a connection of HTTP/1.1. A message of HTTP/3 that
// has one of them is malformed (RFC 9114, 4.2).
var connectionFields = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}

// hasConnectionFields reports whether a request of HTTP/3 is malformed by its
// fields. net/http looks after those of HTTP/2.
func hasConnectionFields(r *http.Request) bool {
	if r.ProtoMajor < 3 {
		return false
	}
	for _, name := range connectionFields {
		if r.Header[name] != nil {
			return true
		}
	}
	return false
}

// quicAnswer does for a response of HTTP/3 what net/http does for all others.
type quicAnswer struct {
	declared, written int64 // declared is -1 where no length is
}

// begin takes the header as it is to be sent.
func (a *quicAnswer) begin(h http.Header) {
	for _, name := range connectionFields {
		delete(h, name)
	}
	a.declared = -1
	if n, err := strconv.ParseUint(h.Get("Content-Length"), 10, 63); err == nil {
		a.declared = int64(n)
	} else {
		delete(h, "Content-Length")
	}
}

// wrote notes bytes of the body.
func (a *quicAnswer) wrote(n int) { a.written += int64(n) }

// sniff finds the type of a body by its first bytes. The engine sends the header
// behind them.
func (a *quicAnswer) sniff(h http.Header, p []byte) {
	if _, typed := h["Content-Type"]; a.written == 0 && len(p) > 0 && !typed && h.Get("Content-Encoding") == "" {
		h.Set("Content-Type", http.DetectContentType(p))
	}
}

// short reports whether less was written than declared.
func (a *quicAnswer) short() bool { return a.written < a.declared }
