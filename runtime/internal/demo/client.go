package demo

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

// patience bounds connecting, and a request with its response.
const patience = 5 * time.Second

// client is one connection of a visitor. It is light: it must not be seen in
// the numbers it makes move.
type client struct {
	net.Conn
	host  string
	r     *bufio.Reader
	resp  fasthttp.Response
	buf   []byte
	unbid func() bool // stops waiting for the end of the context
}

var errNowhere = errors.New("no address")

func dial(ctx context.Context, addr string) (*client, error) {
	if addr == "" {
		return nil, errNowhere
	}
	d := net.Dialer{Timeout: patience}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{Conn: nc, host: addr, r: bufio.NewReaderSize(nc, 1<<10)}
	c.unbid = context.AfterFunc(ctx, func() { _ = nc.Close() })
	return c, nil
}

func (c *client) close() {
	c.unbid()
	_ = c.Close()
}

// get requests path and reports whether an answer came and the connection can be
// used again.
func (c *client) get(path string) bool {
	c.buf = append(c.buf[:0], "GET "...)
	c.buf = append(c.buf, path...)
	c.buf = append(c.buf, " HTTP/1.1\r\nHost: "...)
	c.buf = append(c.buf, c.host...)
	c.buf = append(c.buf, "\r\nUser-Agent: rockstar-tui demo\r\n\r\n"...)
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(c.buf); err != nil {
		return false
	}
	return c.resp.ReadLimitBody(c.r, 1<<20) == nil && !c.resp.ConnectionClose()
}

// rest waits and reports whether the connection is still open then.
func (c *client) rest(d time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(d))
	_, err := c.r.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded)
}
