package pool

import (
	"errors"
	"net/http"
	"time"
)

// Client is whom a proxied request came from, as far as the server that took it
// can tell. Its methods are called by the goroutine that serves the request,
// until the body of the response was sent.
type Client interface {
	// Gone says whether the client has left. It is asked only while a backend is
	// waited for, some times a second.
	Gone() bool
	// Inform passes an interim response (1xx) on.
	Inform(status int, header http.Header)
	// BackendFailed is told that the request fails because of a backend: none
	// answered, the one asked answered with 500 or above, or it broke off.
	BackendFailed()
	// Canceled is told that the request fails because the client has left.
	Canceled()
}

// errClientGone ends what is done for a client that has left.
var errClientGone = errors.New("the client has left")

// lookEvery is how often it is looked whether the client of a request that waits
// is still there, and how long the request waits before that. One who ends its
// side of the connection behind its request gets the answers that are quick.
const lookEvery = 500 * time.Millisecond

// gone reports whether the client of x has left.
func (x *exchange) gone() bool { return x.client != nil && x.client.Gone() }
