//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
)

// session is how long a WebSocket stays: shorter than the drain deadline, so
// that no operation has a right to end one.
const session = 6 * time.Second

// webSocket opens a WebSocket, exchanges messages and closes it.
func (c *client) webSocket(ctx context.Context) {
	conn := c.dial(ctx)
	if conn == nil {
		return
	}
	defer c.hangUp(conn)
	local := conn.LocalAddr().String()
	r, err := c.upgrade(conn)
	if err != nil {
		c.ledger.failed(c.kind, "upgrade: "+rawclient.Cause(err), local)
		return
	}
	until := time.Now().Add(time.Duration(c.rng.Int64N(int64(session))))
	for ctx.Err() == nil && time.Now().Before(until) {
		c.think(ctx)
		c.serial++
		began, text := time.Now(), fmt.Sprintf("message %d", c.serial)
		if err := message(conn, r, opText, text); err != nil {
			c.ledger.failed(c.kind, "message: "+rawclient.Cause(err), local)
			return
		}
		c.ledger.answered(c.kind, began)
	}
	if err := message(conn, r, opClose, "\x03\xe8"); err != nil {
		c.ledger.failed(c.kind, "close: "+rawclient.Cause(err), local)
	}
}

// upgrade makes a WebSocket of a connection.
func (c *client) upgrade(conn net.Conn) (*bufio.Reader, error) {
	key := base64.StdEncoding.EncodeToString([]byte("sixteen bytes..."))
	fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: torture\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", key)
	r := bufio.NewReader(conn)
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != acceptKey(key) {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return r, nil
}

// message sends one message and wants it back.
func message(conn net.Conn, r *bufio.Reader, op byte, text string) error {
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(frameMessage(op, []byte(text), true)); err != nil {
		return err
	}
	gotOp, got, err := readMessage(r)
	if err != nil {
		return err
	}
	if gotOp != op || string(got) != text {
		return fmt.Errorf("wrong message")
	}
	return nil
}

// tunnelWorks is whether a proxy route passes an upgraded connection on.
func (s *site) tunnelWorks() bool {
	address, _ := s.targets[web].at()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	r, err := (&client{site: s}).upgrade(conn)
	return err == nil && message(conn, r, opText, "hello") == nil && message(conn, r, opClose, "\x03\xe8") == nil
}
