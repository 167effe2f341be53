package judge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// exchangeH3 sends one request on a connection of its own.
func exchangeH3(t *testing.T, to target, r request, path string) (a answer) {
	t.Helper()
	transport := &http3.Transport{TLSClientConfig: to.trust.Clone(), DisableCompression: true}
	defer transport.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req := r.netHTTP(t, ctx, to, path, &a)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		a.End = "no response: " + endingH3(err)
		return a
	}
	defer resp.Body.Close()
	a.Status, a.Header = resp.StatusCode, fields(resp.Header)
	body, err := io.ReadAll(resp.Body)
	a.Body, a.End = string(body), "complete"
	if err != nil {
		a.End = endingH3(err)
	}
	a.Trailer = fields(resp.Trailer)
	return a
}

// netHTTP makes the request of a client of net/http, which notes informational
// responses in a.
func (r request) netHTTP(t *testing.T, ctx context.Context, to target, path string, a *answer) *http.Request {
	t.Helper()
	continued := make(chan struct{})
	var once sync.Once
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		a.Informational = append(a.Informational, fmt.Sprintf("%d %s", code, strings.Join(fields(http.Header(h)), ", ")))
		if code == http.StatusContinue {
			once.Do(func() { close(continued) })
		}
		return nil
	}})
	var body io.Reader
	if r.hasBody() {
		body = io.MultiReader(strings.NewReader(r.Body)) // hides the length
		if r.Expect {
			body = io.MultiReader(waits{ctx, continued}, body)
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.method(), to.url(path), body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range r.Header {
		req.Header.Add(h[0], h[1])
	}
	if r.Expect {
		req.Header.Set("Expect", "100-continue")
	}
	switch {
	case r.Length == "chunked" || r.Length == "none" || len(r.Trailer) > 0:
	case r.Length != "":
		req.ContentLength, _ = strconv.ParseInt(r.Length, 10, 64)
	default:
		req.ContentLength = int64(len(r.Body))
	}
	for _, h := range r.Trailer {
		if req.Trailer == nil {
			req.Trailer = http.Header{}
		}
		req.Trailer.Add(h[0], h[1])
	}
	return req
}

// waits is an empty body that ends when it is told to continue.
type waits struct {
	ctx context.Context
	on  chan struct{}
}

func (w waits) Read([]byte) (int, error) {
	select {
	case <-w.on:
	case <-time.After(time.Second): // a server need not say it
	case <-w.ctx.Done():
	}
	return 0, io.EOF
}

func endingH3(err error) string {
	var stream *http3.Error
	if errors.As(err, &stream) {
		return "reset " + stream.ErrorCode.String()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	return err.Error()
}
