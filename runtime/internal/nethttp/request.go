package nethttp

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// Request is the request in the words of net/http, made when first asked for. It
// is of copies and may be kept.
func (e *Exchange) Request() *http.Request {
	if e.request != nil {
		return e.request
	}
	var ok bool
	if _, e.request, ok = listener.NetHTTP(e.Raw); !ok {
		e.request, e.body = requestOf(e.Raw)
	}
	for _, p := range e.params {
		e.request.SetPathValue(p.name, p.value(e.Raw.RawPath()))
	}
	e.request = e.request.WithContext(e.Context())
	e.request.Pattern = e.pattern
	return e.request
}

// SetRequest replaces the request, with one that was derived from it.
func (e *Exchange) SetRequest(r *http.Request) { e.request = r }

// requestOf builds a request of copies: it may outlive the exchange.
func requestOf(x listener.Exchange) (*http.Request, *requestBody) {
	uri := strings.Clone(x.RequestURI())
	r := &http.Request{
		Method: strings.Clone(x.Method()), RequestURI: uri, Host: strings.Clone(x.Host()),
		Proto: strings.Clone(x.Proto()), Header: http.Header{},
		ContentLength: x.ContentLength(), Body: http.NoBody,
	}
	r.ProtoMajor, r.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
	var body *requestBody
	if r.ContentLength != 0 {
		body = &requestBody{reader: x.Body()}
		r.Body = body
	}
	if r.ContentLength < 0 {
		r.TransferEncoding = []string{"chunked"}
	}
	if a := x.RemoteAddr(); a != nil {
		r.RemoteAddr = a.String()
	}
	x.RequestHeaders(func(name, value string) {
		name = http.CanonicalHeaderKey(strings.Clone(name))
		if name != "Host" {
			r.Header[name] = append(r.Header[name], strings.Clone(value))
		}
	})
	if fast, ok := listener.FastHTTP(x); ok {
		r.TLS = fast.TLSConnectionState()
	}
	var err error
	if r.URL, err = url.ParseRequestURI(uri); err != nil {
		raw, query, _ := strings.Cut(uri, "?")
		r.URL = &url.URL{Path: strings.Clone(x.Path()), RawPath: raw, RawQuery: query}
	}
	return r, body
}

// requestBody is closed by the engine, not by the handler. After the handler has
// returned a read fails, also of a goroutine that still holds it.
type requestBody struct {
	mu     sync.Mutex // held while reading: the engine waits for the end of a read
	reader io.Reader
	over   bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.reader.Read(p)
}

func (b *requestBody) Close() error { return nil }

func (b *requestBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// clientCheckInterval is how often it is checked, for a handler that asked for its
// Context, whether the client is still there.
const clientCheckInterval = 50 * time.Millisecond

// Context is cancelled when the client goes away, and when the handler has
// returned.
func (e *Exchange) Context() context.Context {
	if e.ctx != nil {
		return e.ctx
	}
	if _, r, ok := listener.NetHTTP(e.Raw); ok {
		e.ctx, e.cancel = context.WithCancel(r.Context())
		return e.ctx
	}
	e.ctx, e.cancel = watchClient(e.Raw)
	return e.ctx
}

// anyServer stands in the context of requests that fasthttp serves: by a server
// there, handlers of net/http know that they may panic with ErrAbortHandler.
var anyServer = new(http.Server)

// watchClient returns a context that is cancelled when the client goes away. The
// watch has ended when cancel returns. It checks now and then, because the engine
// reads nothing while a handler runs and would not notice.
func watchClient(x listener.Exchange) (context.Context, context.CancelFunc) {
	ctx := context.WithValue(context.Background(), http.LocalAddrContextKey, x.LocalAddr())
	ctx, cancel := context.WithCancel(context.WithValue(ctx, http.ServerContextKey, anyServer))
	gone := listener.Gone(x)
	if gone == nil {
		return ctx, cancel
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(clientCheckInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if gone() {
				cancel()
				return
			}
		}
	}()
	return ctx, func() {
		cancel()
		<-watched
	}
}
