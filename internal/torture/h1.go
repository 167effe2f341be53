//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
)

// short makes a connection for each request.
func (c *client) short(ctx context.Context) {
	c.pace.Wait(ctx)
	conn := c.dial(ctx)
	if conn == nil {
		return
	}
	defer c.hangUp(conn)
	c.ask(bufio.NewReader(conn), conn, conn, c.next(), true)
}

// keepAlive sends requests on one connection until the server announces its end
// or, after some hundred, the client has enough of it.
func (c *client) keepAlive(ctx context.Context) {
	if conn := c.dial(ctx); conn != nil {
		defer c.hangUp(conn)
		c.converse(ctx, conn, conn)
	}
}

// keepAliveTLS does the same over TLS.
func (c *client) keepAliveTLS(ctx context.Context) {
	conn := c.dial(ctx)
	if conn == nil {
		return
	}
	defer c.hangUp(conn)
	if t := c.handshake(conn, "http/1.1"); t != nil {
		c.converse(ctx, t, conn)
	}
}

// converse speaks over rw, below which lies conn.
func (c *client) converse(ctx context.Context, rw io.ReadWriter, conn net.Conn) {
	r := bufio.NewReader(rw)
	for n := range 50 + c.rng.IntN(500) {
		if n > 0 {
			c.think(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if n > 0 && endedWhileIdle(conn) {
			c.ledger.note(c.kind, func(k *kindCount) { k.IdleClosed++ })
			return
		}
		if last := c.ask(r, rw, conn, c.next(), false); last {
			return
		}
	}
}

// ask sends a request and checks the response. It reports whether the
// connection is at its end.
func (c *client) ask(r *bufio.Reader, w io.Writer, conn net.Conn, q request, short bool) (last bool) {
	local := conn.LocalAddr().String()
	conn.SetDeadline(time.Now().Add(patience))
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: torture\r\n", q.method, q.path)
	if short {
		head += "Connection: close\r\n"
	}
	if q.method == http.MethodPost {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(q.body))
	}
	if _, err := io.WriteString(w, head+"\r\n"+q.body); err != nil {
		c.ledger.failed(c.kind, "request: "+rawclient.Cause(err), local)
		return true
	}
	status, body, last, err := readAnswer(r)
	if err != nil {
		c.ledger.failed(c.kind, "response: "+rawclient.Cause(err), local)
		return true
	}
	c.conclude(q, status, body, local)
	if last && !short {
		c.ledger.note(c.kind, func(k *kindCount) { k.Left++ })
	}
	return last
}

// readAnswer reads a whole response.
func readAnswer(r *bufio.Reader) (status int, body string, last bool, err error) {
	// ReadResponse calls every end unexpected: what matters is whether it came
	// before the first byte.
	if _, err := r.Peek(1); err != nil {
		return 0, "", false, err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, "", false, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), resp.Close, err
}

// hangUp closes a connection and forgets it.
func (c *client) hangUp(conn net.Conn) {
	conn.Close()
	c.ledger.closed(conn.LocalAddr().String())
}
