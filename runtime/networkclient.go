package runtime

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/echterhof/rockstar-tui/pool/httpclient"
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
	// MaxResponseBytes bounds a response's body. Default 10 MiB; negative means none.
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
var ErrResponseTooLarge = httpclient.ErrResponseTooLarge

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

// NewNetworkClient makes a client of its own, with connections of its own.
func NewNetworkClient(c NetworkClientConfig) NetworkClient {
	return networkClient{httpclient.New(httpclient.Config(c))}
}

type networkClient struct{ *httpclient.Client }

func (n networkClient) Get(url string, headers map[string]string) ([]byte, error) {
	return n.ask(http.MethodGet, url, nil, headers)
}

func (n networkClient) Post(url string, body []byte, headers map[string]string) ([]byte, error) {
	return n.ask(http.MethodPost, url, body, headers)
}

func (n networkClient) Put(url string, body []byte, headers map[string]string) ([]byte, error) {
	return n.ask(http.MethodPut, url, body, headers)
}

func (n networkClient) Delete(url string, headers map[string]string) ([]byte, error) {
	return n.ask(http.MethodDelete, url, nil, headers)
}

// ask fails for a status of 400 and above.
func (n networkClient) ask(method, url string, body []byte, headers map[string]string) ([]byte, error) {
	resp, got, err := n.Send(method, url, body, headers)
	switch {
	case resp == nil:
		return nil, err
	case resp.StatusCode >= 400:
		return nil, &StatusError{Method: method, URL: url, StatusCode: resp.StatusCode, Header: resp.Header, Body: got}
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", method, url, err)
	}
	return got, nil
}

func (n networkClient) WithContext(ctx context.Context) NetworkClient {
	return networkClient{n.Client.WithContext(ctx)}
}
