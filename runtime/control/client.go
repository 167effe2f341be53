package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

const (
	dialTimeout = 2 * time.Second
	// maxAnswer bounds what is read of one answer, or of one line of a watch.
	maxAnswer = 64 << 20
	// A link that has been silent for pingAfter is pinged, and given up if no
	// answer comes within pingTimeout.
	pingAfter   = 15 * time.Second
	pingTimeout = 10 * time.Second
)

var _ Controller = (*Client)(nil)

// Client is a Controller at the other end of a connection. All its calls share
// one connection, which is opened by the first and again after it broke. Calls
// end with their context; without a deadline there they wait as long as the
// link is alive. It is safe for concurrent use.
type Client struct {
	transport *http.Transport
	// where names the other end in errors.
	where    string
	readOnly bool
	// bound on the bytes of an answer or a line.
	bound int
}

// Dial returns a Client of the control socket at path. It does not connect yet,
// and talks to nobody but a runtime of this user or of root; root to anybody's.
func Dial(path string) *Client {
	c := NewClient(func(ctx context.Context) (net.Conn, error) { return socket.Dial(ctx, path) })
	c.where = "control socket " + path
	return c
}

// NewClient returns a Client that connects by dial, which has two seconds each
// time. It does not connect yet.
func NewClient(dial func(ctx context.Context) (net.Conn, error)) *Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &Client{where: "the other end", bound: maxAnswer, transport: &http.Transport{
		Protocols: protocols,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			c, err := dial(ctx)
			if err != nil {
				return nil, &dialError{err}
			}
			return c, nil
		},
		MaxConnsPerHost:        1,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}}
}

// ReadOnly returns a Client on the same connection that has given up the right
// to change anything. The runtime enforces it.
func (c *Client) ReadOnly() *Client {
	r := *c
	r.readOnly = true
	return &r
}

// Close closes the connection once no call uses it. A later call opens another.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Version returns what the runtime says of itself.
func (c *Client) Version(ctx context.Context) (*Version, error) {
	return call[Version](ctx, c, http.MethodGet, "version", nil, nil)
}

// Snapshot returns the present state.
func (c *Client) Snapshot(ctx context.Context) (*Snapshot, error) {
	return call[Snapshot](ctx, c, http.MethodGet, "snapshot", nil, nil)
}

// Plan tells what a change would do, and changes nothing.
func (c *Client) Plan(ctx context.Context, change Change) (*Plan, error) {
	return call[Plan](ctx, c, http.MethodPost, "plan", nil, change)
}

// Apply carries out a change. If the link breaks meanwhile, it may have been
// made all the same.
func (c *Client) Apply(ctx context.Context, change Change) (*Result, error) {
	return call[Result](ctx, c, http.MethodPost, "apply", nil, change)
}

// Connections lists open connections.
func (c *Client) Connections(ctx context.Context, q Query) (*Page, error) {
	return call[Page](ctx, c, http.MethodGet, "connections", q.values(), nil)
}

// Act runs a one-off operation.
func (c *Client) Act(ctx context.Context, a Action) (*Result, error) {
	return call[Result](ctx, c, http.MethodPost, "act", nil, a)
}

// History lists what was put into effect or refused, newest first.
func (c *Client) History(ctx context.Context, q HistoryQuery) ([]Generation, error) {
	body, err := call[historyBody](ctx, c, http.MethodGet, "history", q.values(), nil)
	if err != nil {
		return nil, err
	}
	return body.Generations, nil
}

// call asks for one thing and decodes the answer.
func call[T any](ctx context.Context, c *Client, method, what string, query url.Values, in any) (*T, error) {
	resp, err := c.send(ctx, method, what, query, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(c.bound)+1))
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	out := new(T)
	if len(body) > c.bound || json.Unmarshal(body, out) != nil {
		return nil, c.noRuntime()
	}
	return out, nil
}

// send returns a response whose status is 200.
func (c *Client) send(ctx context.Context, method, what string, query url.Values, in any) (*http.Response, error) {
	req, err := c.request(ctx, method, what, query, in)
	if err != nil {
		return nil, Fail(CodeInvalid, message.RequestUnencodable, err)
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, c.unreached(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, c.refusal(ctx, resp)
	}
	return resp, nil
}

func (c *Client) request(ctx context.Context, method, what string, query url.Values, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	u := url.URL{Scheme: "http", Host: "runtime", Path: "/v1/" + what, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.readOnly {
		req.Header.Set(readOnlyHeader, "1")
	}
	return req, nil
}

// refusal decodes an error answer. Its texts are made fit to be printed: the
// other end need not be what it seems.
func (c *Client) refusal(ctx context.Context, resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return c.lost(ctx, err)
	}
	var body errorBody
	if json.Unmarshal(text, &body) != nil || body.Error == nil {
		return c.noRuntime()
	}
	return body.Error.known()
}

// known returns e fit to be printed, with a code that is one of ours.
func (e *Error) known() *Error {
	e = e.cleaned()
	if sentinels[e.Code] == nil {
		e.Code = CodeInternal
	}
	return e
}

// dialError tells an error of connecting from one of talking.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

// unreached says why a request found no answer.
func (c *Client) unreached(ctx context.Context, err error) error {
	var dial *dialError
	if ctx.Err() != nil || !errors.As(err, &dial) {
		return c.lost(ctx, err)
	}
	if known := (*Error)(nil); errors.As(err, &known) {
		return known
	}
	if untrusted := (*socket.UntrustedError)(nil); errors.As(err, &untrusted) {
		return &Error{Code: CodeDenied, Message: untrusted.Error()}
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Fail(CodeDenied, message.SocketOfAnother, c.where)
	case errors.Is(err, fs.ErrNotExist):
		return Fail(CodeUnavailable, message.SocketMissing, c.where)
	case errors.Is(err, syscall.ECONNREFUSED):
		return Fail(CodeUnavailable, message.SocketUnanswered, c.where)
	}
	return Fail(CodeUnavailable, message.LinkFailed, c.where, printable.Limit(dial.Error(), 500))
}

// lost says that an answer broke off; the context's end comes first.
func (c *Client) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return Fail(CodeUnavailable, message.LinkLost, c.where, printable.Limit(err.Error(), 500))
}

// noRuntime says that what answers is not what it should be.
func (c *Client) noRuntime() error {
	return Fail(CodeUnavailable, message.LinkNoRuntime, c.where)
}
