// Package roamer drives HTTP/3 clients that keep changing the port they send
// from, as behind a NAT that forgets them or on a way from one network to
// another, for the tests that prove no connection gets lost.
package roamer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
)

// Options of a load.
type Options struct {
	// Address as host:port, and Path of the requests.
	Address, Path string
	// TLS of the clients.
	TLS *tls.Config
	// Clients work side by side, each on one connection at a time.
	Clients int
	// Pause between two requests of a client.
	Pause time.Duration
	// Move is the time between two changes of a client's port.
	Move time.Duration
	// Timeout of a request. Default 10s.
	Timeout time.Duration
	// Seen is told the body of every response; may be nil.
	Seen func(body string)
}

// Result counts what happened.
type Result struct {
	Requests    int                // answered with 200
	Moves       int                // changes of port
	Connections int                // that were made
	Left        int                // connections that ended as the server asked
	Failures    rawclient.Failures // of requests and of connections
}

// Failed is the number of failures.
func (r Result) Failed() int { return r.Failures.Total() }

// String has all counts in one line.
func (r Result) String() string {
	return fmt.Sprintf("%d requests, %d changes of port, %d connections of which %d were asked to leave, %d failed%s",
		r.Requests, r.Moves, r.Connections, r.Left, r.Failed(), r.Failures)
}

// Load is a running load.
type Load struct {
	opts Options
	wg   sync.WaitGroup

	mu     sync.Mutex
	result Result
}

// Start begins a load that runs until ctx ends; a request under way is finished.
func Start(ctx context.Context, o Options) *Load {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	l := &Load{opts: o, result: Result{Failures: rawclient.Failures{}}}
	for i := range o.Clients {
		// They move one after the other, not all at once.
		first := time.Duration(i) * o.Move / time.Duration(o.Clients)
		l.wg.Go(func() { l.client(ctx, first) })
	}
	return l
}

// Wait is for the end of the load.
func (l *Load) Wait() Result {
	l.wg.Wait()
	return l.Result()
}

// Result so far.
func (l *Load) Result() Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.result
	r.Failures = maps.Clone(r.Failures)
	return r
}

func (l *Load) note(what func(*Result)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what(&l.result)
}

func (l *Load) fail(err error) {
	l.note(func(r *Result) { r.Failures[err.Error()]++ })
}

// methods of the requests. A POST whose body is gone cannot be sent again, even
// where the server permits it.
var methods = []string{http.MethodGet, http.MethodPost}

func (l *Load) client(ctx context.Context, first time.Duration) {
	nat, err := NewNAT(l.opts.Address)
	if err != nil {
		l.fail(err)
		return
	}
	defer nat.Close()
	transport := &http3.Transport{TLSClientConfig: l.opts.TLS, Dial: l.dial(ctx)}
	defer transport.Close()
	client := &http.Client{Transport: transport, Timeout: l.opts.Timeout}
	move := time.NewTimer(first)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-move.C:
			move.Reset(l.opts.Move)
			if err := nat.Move(); err != nil {
				l.fail(err)
			}
			l.note(func(r *Result) { r.Moves++ })
		case <-time.After(l.opts.Pause):
		}
		method := methods[n%len(methods)]
		if err := l.request(client, method, nat.Addr().String()); err != nil {
			l.fail(err)
		} else {
			l.note(func(r *Result) { r.Requests++ })
		}
	}
}

func (l *Load) request(client *http.Client, method, address string) error {
	req, err := http.NewRequest(method, "https://"+address+l.opts.Path, nil)
	if err != nil {
		return err
	}
	if method == http.MethodPost {
		req.Body = io.NopCloser(strings.NewReader("cannot be sent twice")) // for want of GetBody
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("request: %w", errors.Unwrap(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("response: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	if l.opts.Seen != nil {
		l.opts.Seen(string(body))
	}
	return nil
}

// dial notes how each connection ends.
func (l *Load) dial(ctx context.Context) func(context.Context, string, *tls.Config, *quic.Config) (*quic.Conn, error) {
	return func(dialCtx context.Context, addr string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
		conn, err := quic.DialAddrEarly(dialCtx, addr, tlsConfig, config)
		if err != nil {
			return nil, err
		}
		l.note(func(r *Result) { r.Connections++ })
		context.AfterFunc(conn.Context(), func() {
			cause := context.Cause(conn.Context())
			closed := (*quic.ApplicationError)(nil)
			switch {
			case ctx.Err() != nil: // the client has ended
			case errors.As(cause, &closed) && closed.ErrorCode == quic.ApplicationErrorCode(http3.ErrCodeNoError):
				l.note(func(r *Result) { r.Left++ })
			default:
				l.fail(fmt.Errorf("connection: %w", cause))
			}
		})
		return conn, nil
	}
}
