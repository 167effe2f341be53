package runtime

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

func (c *exchangeContext) Request() *http.Request {
	if c.request != nil {
		return c.request
	}
	var ok bool
	if _, c.request, ok = listener.NetHTTP(c.x); !ok {
		c.request, c.body = requestOf(c.x)
	}
	for _, p := range c.params {
		c.request.SetPathValue(p.name, p.value(c.x.RawPath()))
	}
	c.request = c.request.WithContext(c.Context())
	c.request.Pattern = c.pattern
	return c.request
}

// requestOf builds a request of copies: it may outlive the exchange.
func requestOf(x listener.Exchange) (*http.Request, *exchangeBody) {
	uri := strings.Clone(x.RequestURI())
	r := &http.Request{
		Method: strings.Clone(x.Method()), RequestURI: uri, Host: strings.Clone(x.Host()),
		Proto: strings.Clone(x.Proto()), Header: http.Header{},
		ContentLength: x.ContentLength(), Body: http.NoBody,
	}
	r.ProtoMajor, r.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
	var body *exchangeBody
	if r.ContentLength != 0 {
		body = &exchangeBody{reader: x.Body()}
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

// exchangeBody is closed by the engine, not by who reads it. When the handler has
// returned it gives nothing any more, whoever still holds it.
type exchangeBody struct {
	mu     sync.Mutex // held while reading: the engine goes on when nobody does
	reader io.Reader
	over   bool
}

func (b *exchangeBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.reader.Read(p)
}

func (b *exchangeBody) Close() error { return nil }

func (b *exchangeBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// goneEvery is how often a handler that asked for its Context is told whether
// the client is still there.
const goneEvery = 50 * time.Millisecond

func (c *exchangeContext) Context() context.Context {
	if c.ctx != nil {
		return c.ctx
	}
	if _, r, ok := listener.NetHTTP(c.x); ok {
		c.ctx, c.cancel = context.WithCancel(r.Context())
		return c.ctx
	}
	c.ctx, c.cancel = watchClient(c.x)
	return c.ctx
}

// anyServer stands in the context of requests that fasthttp serves: by a server
// there, handlers of net/http know that they may panic with ErrAbortHandler.
var anyServer = new(http.Server)

// watchClient returns a context that is cancelled when the client goes away. The
// watch has ended when cancel returns. It asks now and then, because the engine
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
		tick := time.NewTicker(goneEvery)
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
