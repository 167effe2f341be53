//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
)

// http3 sends requests on one QUIC connection until the server asks to leave.
// It speaks through the connection itself: an http.Client would send a request
// again on another.
func (c *client) http3(ctx context.Context) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: c.source})
	if err != nil {
		c.ledger.failed(c.kind, "socket: "+rawclient.Cause(err), "")
		return
	}
	defer udp.Close()
	local := udp.LocalAddr().String()
	defer c.ledger.closed(local)
	conn := c.dialQUIC(ctx, udp)
	if conn == nil {
		return
	}
	h := new(http3.Transport).NewClientConn(conn)
	defer h.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	for n := range 50 + c.rng.IntN(300) {
		if n > 0 {
			c.think(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if err := context.Cause(conn.Context()); err != nil {
			c.ended(err, local)
			return
		}
		if !c.exchange(ctx, h, local) {
			return
		}
	}
}

// dialQUIC shakes hands, nil if that failed.
func (c *client) dialQUIC(ctx context.Context, udp *net.UDPConn) *quic.Conn {
	address, moves := c.target.at()
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		c.ledger.failed(c.kind, rawclient.Cause(err), "")
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	oldest := c.certs.low.Load()
	conn, err := quic.Dial(ctx, udp, to, trusting(http3.NextProtoH3), &quic.Config{HandshakeIdleTimeout: patience / 4, MaxIdleTimeout: 2 * patience, KeepAlivePeriod: 5 * time.Second})
	if err == nil && conn.ConnectionState().TLS.PeerCertificates[0].SerialNumber.Int64() < oldest {
		err = errors.New("a certificate that had been replaced")
	}
	if err == nil {
		c.ledger.note(c.kind, func(k *kindCount) { k.Connections++ })
		return conn
	}
	if c.target.movedSince(moves) {
		c.ledger.note(c.kind, func(k *kindCount) { k.Moved++ })
	} else {
		c.ledger.failed(c.kind, "connect: "+rawclient.Cause(err), udp.LocalAddr().String())
	}
	return nil
}

// exchange sends a request and checks the response; it reports whether the
// connection can take another.
func (c *client) exchange(ctx context.Context, h *http3.ClientConn, local string) bool {
	q := c.next()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, q.method, "https://torture"+q.path, nil)
	if err != nil {
		panic(err)
	}
	if q.body != "" {
		req.Body, req.ContentLength = io.NopCloser(&slowly{strings.NewReader(q.body), time.Duration(c.rng.IntN(10)) * time.Millisecond}), int64(len(q.body))
	}
	resp, err := h.RoundTrip(req)
	if err != nil {
		return c.ended(err, local)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return c.ended(fmt.Errorf("in the response: %w", err), local)
	}
	c.conclude(q, resp.StatusCode, string(body), local)
	return true
}

// ended judges the error that ended a connection or a request, and is false.
func (c *client) ended(err error, local string) bool {
	var closed *quic.ApplicationError
	var h3 *http3.Error
	var stream *quic.StreamError
	switch {
	case err.Error() == "http3: conn unusable: connection in graceful shutdown":
		c.ledger.note(c.kind, func(k *kindCount) { k.Left++ })
	case errors.As(err, &stream) && stream.ErrorCode == quic.StreamErrorCode(http3.ErrCodeRequestRejected),
		errors.As(err, &h3) && h3.ErrorCode == http3.ErrCodeRequestRejected:
		c.ledger.note(c.kind, func(k *kindCount) { k.Refused++ })
	case errors.As(err, &closed) && !closed.Remote && closed.ErrorCode == quic.ApplicationErrorCode(http3.ErrCodeNoError),
		errors.As(err, &h3) && !h3.Remote && h3.ErrorCode == http3.ErrCodeNoError:
		// The client's own library leaves when it is asked to and nothing is open.
		c.ledger.note(c.kind, func(k *kindCount) { k.Left++ })
	default:
		c.ledger.failed(c.kind, rawclient.Cause(err), local)
	}
	return false
}

// slowly reads a body in two parts with a pause between.
type slowly struct {
	*strings.Reader
	pause time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.pause > 0 && len(p) > 8 {
		n, err := s.Reader.Read(p[:8])
		time.Sleep(s.pause)
		s.pause = 0
		return n, err
	}
	return s.Reader.Read(p)
}

// WriteTo would copy past Read.
func (s *slowly) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{s})
}
