package listener

import (
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/echterhof/rockstar-tui/internal/printable"
)

// label names what a connection is busy with for long: a request whose response
// is streamed, or what it was taken over for. It is made for those alone, so
// that other requests pay nothing.
type label struct {
	nth      uint64 // request of the connection
	protocol string
	request  string
}

// lasting is from which size on a response may take its time.
const lasting = 1 << 20

// labelIfLasting is called with a request whose response is about to be sent.
func (c *conn) labelIfLasting(ctx *fasthttp.RequestCtx) {
	if !ctx.Response.IsBodyStream() {
		return
	}
	if n := ctx.Response.Header.ContentLength(); n < 0 || n >= lasting {
		c.label("http/1.1", view(ctx.Method()), view(ctx.RequestURI()))
	}
}

// labelHijacked is called when a handler has taken the connection over.
func (c *conn) labelHijacked(ctx *fasthttp.RequestCtx) {
	c.labelUpgraded(view(ctx.Request.Header.Peek(fasthttp.HeaderUpgrade)), view(ctx.Method()), view(ctx.RequestURI()))
}

func (c *conn) labelUpgraded(upgrade, method, target string) {
	protocol := "upgraded"
	if strings.EqualFold(upgrade, "websocket") {
		protocol = "websocket"
	}
	c.label(protocol, method, target)
}

func (c *conn) label(protocol, method, target string) {
	c.labelled.Store(&label{nth: c.requests.Load(), protocol: protocol, request: legible(method, target)})
}

// present is the protocol of c and, where it is known, its request.
func (c *conn) present() (protocol, request string) {
	if m := c.mux.Load(); m != nil {
		return "h2", m.oldest()
	}
	if l := c.labelled.Load(); l != nil && l.nth == c.requests.Load() && c.now().state().Active() {
		return l.protocol, l.request
	}
	return "http/1.1", ""
}

// oldest is the request that has been open for longest, "" if none is.
func (m *streams) oldest() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first *netExchange
	for x := range m.open {
		if first == nil || x.started < first.started {
			first = x
		}
	}
	if first == nil {
		return ""
	}
	return legible(first.method, first.target)
}

// maxLegible is how many characters of a request are shown.
const maxLegible = 120

// legible is a request as one short line for a person: method and path, without
// the query, which may hold secrets, and without anything a terminal obeys.
func legible(method, target string) string {
	path, _, _ := strings.Cut(target, "?")
	return printable.Limit(method+" "+path, maxLegible)
}
