package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// NetworkClient asks other servers by HTTP. It reuses connections and may be
// used by any number of goroutines.
type NetworkClient interface {
	// Get, Post, Put and Delete return the body of the response. A status of
	// 400 and above is a [*StatusError], which carries status and body; more
	// body than the client is configured for is [ErrResponseTooLarge].
	Get(url string, headers map[string]string) ([]byte, error)
	Post(url string, body []byte, headers map[string]string) ([]byte, error)
	Put(url string, body []byte, headers map[string]string) ([]byte, error)
	Delete(url string, headers map[string]string) ([]byte, error)
	// Do sends a request as it is, and returns the response as it comes,
	// whatever its status. The caller closes its body; reading more of it than
	// the client is configured for fails with [ErrResponseTooLarge].
	Do(req *http.Request) (*http.Response, error)
	// WithContext returns a client of the same connections whose requests end
	// when ctx does; a request of Do that has a context of its own keeps that.
	WithContext(ctx context.Context) NetworkClient
}

// NetworkClientConfig bounds a [NetworkClient]. Zero values mean the defaults.
type NetworkClientConfig struct {
	// Timeout of a whole exchange, redirects and reading the body included.
	// Default 30s; negative means none.
	Timeout time.Duration
	// MaxResponseBytes bounds a response's body. Default 10 MiB.
	MaxResponseBytes int64
	// MaxRedirects that are followed. Default 10; negative means none: the
	// response that redirects is then the result.
	MaxRedirects int
	// MaxIdleConnsPerHost are kept to be used again. Default 32.
	MaxIdleConnsPerHost int
	// IdleTimeout closes a kept connection. Default 90s.
	IdleTimeout time.Duration
	// Transport carries the requests; nil means one of its own.
	Transport http.RoundTripper
}

// ErrResponseTooLarge says that a response has more body than is allowed.
var ErrResponseTooLarge = errors.New("the response is too large")

// StatusError is a response of status 400 or above.
type StatusError struct {
	Method, URL string
	StatusCode  int
	Header      http.Header
	// Body of the response, as far as the client is configured to read it.
	Body []byte
}

// errorBody is how much of a response's body an error message shows.
const errorBody = 200

// Error names request and status, and shows the beginning of the body.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	if body := bytes.TrimSpace(e.Body); len(body) > 0 {
		text += fmt.Sprintf(": %.*q", errorBody, body)
	}
	return text
}

type networkClient struct {
	http http.Client
	most int64
	ctx  context.Context
}

// NewNetworkClient makes a client of its own, with connections of its own.
func NewNetworkClient(c NetworkClientConfig) NetworkClient {
	if c.Transport == nil {
		c.Transport = newTransport(c)
	}
	n := &networkClient{most: defaultTo(c.MaxResponseBytes, 10<<20), ctx: context.Background()}
	n.http = http.Client{
		Transport:     c.Transport,
		Timeout:       max(defaultTo(c.Timeout, 30*time.Second), 0),
		CheckRedirect: redirects(defaultTo(c.MaxRedirects, 10)),
	}
	return n
}

func newTransport(c NetworkClientConfig) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0 // per host is enough of a bound
	t.MaxIdleConnsPerHost = defaultTo(c.MaxIdleConnsPerHost, 32)
	t.IdleConnTimeout = defaultTo(c.IdleTimeout, 90*time.Second)
	return t
}

func redirects(most int) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		switch {
		case most < 0:
			return http.ErrUseLastResponse
		case len(via) > most:
			return fmt.Errorf("more than %d redirects", most)
		}
		return nil
	}
}

func defaultTo[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

func (n *networkClient) Get(url string, headers map[string]string) ([]byte, error) {
	return n.ask(http.MethodGet, url, nil, headers)
}

func (n *networkClient) Post(url string, body []byte, headers map[string]string) ([]byte, error) {
	return n.ask(http.MethodPost, url, body, headers)
}

func (n *networkClient) Put(url string, body []byte, headers map[string]string) ([]byte, error) {
	return n.ask(http.MethodPut, url, body, headers)
}

func (n *networkClient) Delete(url string, headers map[string]string) ([]byte, error) {
	return n.ask(http.MethodDelete, url, nil, headers)
}

func (n *networkClient) ask(method, url string, body []byte, headers map[string]string) ([]byte, error) {
	req, err := http.NewRequestWithContext(n.ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range headers {
		req.Header.Set(name, value)
		if http.CanonicalHeaderKey(name) == "Host" {
			req.Host = value
		}
	}
	resp, err := n.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if resp.StatusCode >= 400 {
		return nil, &StatusError{Method: method, URL: url, StatusCode: resp.StatusCode, Header: resp.Header, Body: got}
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, url, err)
	}
	return got, nil
}

func (n *networkClient) Do(req *http.Request) (*http.Response, error) {
	if req.Context() == context.Background() {
		req = req.WithContext(n.ctx)
	}
	resp, err := n.http.Do(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: n.most}
	return resp, nil
}

func (n *networkClient) WithContext(ctx context.Context) NetworkClient {
	c := *n
	c.ctx = ctx
	return &c
}

// boundedBody fails at the first byte over its bound.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), ErrResponseTooLarge
	}
	b.left -= int64(n)
	return n, err
}
