package listener

import "net/http"

// Client is whom the request of an Exchange came from, for handlers that pass it
// on to somebody else and make him wait. It is valid until the body of the
// response was sent.
type Client interface {
	// Gone says whether the client has gone away, or will send nothing more. It
	// reads nothing and may be asked while nobody else reads.
	Gone() bool
	// Inform sends an informational response (1xx) before the one that the handler
	// makes, see [Inform].
	Inform(status int, header http.Header)
	// BackendFailed and Canceled say whose fault it is that the request fails, see
	// [Blame].
	BackendFailed()
	Canceled()
}

// ClientOf gives the client of an Exchange, nil for one of another package.
func ClientOf(x Exchange) Client {
	c, _ := x.(Client)
	return c
}

func (x *h1Exchange) Gone() bool {
	c := connIn(x.ctx.Conn())
	return canTellGone && c.tcp != nil && ended(c.tcp)
}

func (x *h1Exchange) Inform(status int, header http.Header) { Inform(x, status, header) }
func (x *h1Exchange) BackendFailed()                        { x.blame(FaultBackend) }
func (x *h1Exchange) Canceled()                             { x.blame(FaultCanceled) }

func (x *netExchange) Gone() bool { return x.r.Context().Err() != nil }

func (x *netExchange) Inform(status int, header http.Header) {
	if x.sent || status == http.StatusSwitchingProtocols {
		return
	}
	for name, values := range header {
		x.w.Header()[name] = values
	}
	x.w.WriteHeader(status)
	for name := range header {
		delete(x.w.Header(), name)
	}
}

func (x *netExchange) BackendFailed() { x.blame(FaultBackend) }
func (x *netExchange) Canceled()      { x.blame(FaultCanceled) }
