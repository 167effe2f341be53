package control

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// Read opens a stream of what is too much for a snapshot. If the link breaks,
// another Read goes on behind the last record, by [ReadQuery.After].
func (c *Client) Read(ctx context.Context, q ReadQuery) (Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	resp, err := c.send(ctx, http.MethodGet, "read", q.values(), nil)
	if err != nil {
		cancel()
		return nil, err
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, c.bound)
	return &remoteStream{client: c, ctx: ctx, cancel: cancel, body: resp.Body, lines: lines}, nil
}

// remoteStream is a Stream at the other end of a connection.
type remoteStream struct {
	client *Client
	ctx    context.Context
	cancel context.CancelFunc
	body   io.Closer
	lines  *bufio.Scanner
}

func (s *remoteStream) Next() (*Record, error) {
	if !s.lines.Scan() {
		if err := s.lines.Err(); err != nil {
			return nil, s.client.lost(s.ctx, err)
		}
		return nil, io.EOF
	}
	var line struct {
		Record
		Error *Error `json:"error"`
	}
	if err := json.Unmarshal(s.lines.Bytes(), &line); err != nil {
		return nil, s.client.noRuntime()
	}
	if line.Error != nil {
		return nil, line.Error.known()
	}
	return &line.Record, nil
}

func (s *remoteStream) Close() error {
	s.cancel()
	return s.body.Close()
}
