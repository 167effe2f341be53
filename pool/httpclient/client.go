// Package httpclient asks other servers by net/http, for programs that want bounds
// by default.
//
// A [Client] asks whoever it is told to: with a timeout of the whole exchange, few
// redirects and a bound on the body. A [Pool] lends clients to named backends, each
// of which has one connection for itself: who has borrowed one need not wait for
// anybody, and who cannot have one is told after a bounded wait.
package httpclient

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"
)

// ErrResponseTooLarge says that a response has more body than is allowed.
var ErrResponseTooLarge = errors.New("the response is too large")

// Config bounds a [Client]. Zero values mean the defaults.
type Config struct {
	// Timeout of a whole exchange. Default 30s; negative means none.
	Timeout time.Duration
	// MaxResponseBytes bounds a response's body. Default 10 MiB; negative means none.
	MaxResponseBytes int64
	// MaxRedirects that are followed. Default 10; negative means none.
	MaxRedirects int
	// MaxIdleConnsPerHost are kept to be used again. Default 32.
	MaxIdleConnsPerHost int
	// IdleTimeout closes a kept connection. Default 90s.
	IdleTimeout time.Duration
	// Transport carries the requests; nil means one of its own.
	Transport http.RoundTripper
}

// Client asks other servers. It reuses connections and may be used by any number
// of goroutines.
type Client struct {
	http     http.Client
	maxBytes int64
	ctx      context.Context
}

// New makes a Client with connections of its own.
func New(c Config) *Client {
	if c.Transport == nil {
		c.Transport = newTransport(c)
	}
	n := &Client{maxBytes: cmp.Or(c.MaxResponseBytes, 10<<20), ctx: context.Background()}
	if n.maxBytes < 0 {
		n.maxBytes = math.MaxInt64
	}
	n.http = http.Client{
		Transport:     c.Transport,
		Timeout:       max(cmp.Or(c.Timeout, 30*time.Second), 0),
		CheckRedirect: redirects(cmp.Or(c.MaxRedirects, 10)),
	}
	return n
}

func newTransport(c Config) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0 // per host is enough of a bound
	t.MaxIdleConnsPerHost = cmp.Or(c.MaxIdleConnsPerHost, 32)
	t.IdleConnTimeout = cmp.Or(c.IdleTimeout, 90*time.Second)
	return t
}

func redirects(limit int) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		switch {
		case limit < 0:
			return http.ErrUseLastResponse
		case len(via) > limit:
			return fmt.Errorf("more than %d redirects", limit)
		}
		return nil
	}
}

// Send sends a request and reads the response. An error of reading comes with the
// response and what was read so far.
func (c *Client) Send(method, url string, body []byte, headers map[string]string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(c.ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	for name, value := range headers {
		req.Header.Set(name, value)
		if http.CanonicalHeaderKey(name) == "Host" {
			req.Host = value
		}
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp, got, err
}

// Do sends a request as it is, and returns the response as it comes. The caller
// closes its body; reading too much of it fails with [ErrResponseTooLarge].
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if req.Context() == context.Background() {
		req = req.WithContext(c.ctx)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: c.maxBytes}
	return resp, nil
}

// WithContext returns a Client of the same connections whose requests end when ctx
// does, unless they have a context of their own.
func (c *Client) WithContext(ctx context.Context) *Client {
	with := *c
	with.ctx = ctx
	return &with
}

// boundedBody fails at the first byte over its bound.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p))-1 > b.left {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), ErrResponseTooLarge
	}
	b.left -= int64(n)
	return n, err
}
