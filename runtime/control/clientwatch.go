package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
)

// Watch calls fn with the present state at once and then at every interval. It
// always reads on, so that after a slow fn, or after this process was stopped
// for an hour, the next snapshot is the newest that has arrived. It ends with
// the context's error, with [ErrUnavailable] if the link breaks, or with what
// the runtime gave as the reason.
func (c *Client) Watch(ctx context.Context, opts WatchOptions, fn func(*Snapshot)) error {
	resp, err := c.send(ctx, http.MethodGet, "watch", opts.values(), nil)
	if err != nil {
		return err
	}
	lines := newLatest[[]byte]()
	var broken error // belongs to the reader until lines is closed
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(lines)
		broken = readLines(resp.Body, c.bound, lines.put)
	})
	defer reading.Wait()
	defer resp.Body.Close() // ends the reading

	for line := range lines {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s, err := decodeLine(line)
		if err != nil {
			return c.broken(err)
		}
		fn(s)
	}
	return c.lost(ctx, broken)
}

// broken returns an error of the runtime as it is; anything else means that
// the other end is none.
func (c *Client) broken(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return c.noRuntime()
}

// readLines calls put with every line until r ends, which is an error too, as
// is a line longer than bound.
func readLines(r io.Reader, bound int, put func([]byte)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, bound)
	for lines.Scan() {
		if len(lines.Bytes()) > 0 {
			put(bytes.Clone(lines.Bytes()))
		}
	}
	if lines.Err() != nil {
		return lines.Err()
	}
	return io.ErrUnexpectedEOF
}

// decodeLine decodes one line of a watch: a snapshot, or as the last the
// reason why there are no more, which it returns as an *[Error].
func decodeLine(line []byte) (*Snapshot, error) {
	var l struct {
		Snapshot
		Error *Error `json:"error"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return nil, err
	}
	if l.Error != nil {
		return nil, l.Error.known()
	}
	return &l.Snapshot, nil
}
