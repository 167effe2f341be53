package control

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// What can be read with [Controller.Read].
const (
	// ReadEvents are what happened, of Listener or of all if that is empty: some
	// more than a [Snapshot] carries.
	ReadEvents = "events"
	// ReadSeries is the past of Listener, a [Point] for each second, an hour of it.
	ReadSeries = "series"
)

// ReadKinds are the kinds of all that can be read.
var ReadKinds = []string{ReadEvents, ReadSeries}

// ReadQuery says what to read, and from where.
type ReadQuery struct {
	// Kind is one of the Read constants.
	Kind string `json:"kind"`
	// Listener by name. Events of all are read if it is empty.
	Listener string `json:"listener,omitempty"`
	// After is the [Record.Position] of the last record that was received: reading
	// resumes behind it. 0 means from the oldest that is kept. So does a position
	// that is not reached yet, which a runtime with another clock has given.
	After uint64 `json:"after,omitempty"`
	// Limit is after how many records the stream ends; 0 means no limit.
	Limit int `json:"limit,omitempty"`
	// Follow keeps the stream open and sends each new record as it comes.
	// Otherwise the stream ends after the newest.
	Follow bool `json:"follow,omitempty"`
}

// Check reports an *[Error] with [CodeInvalid] that names what is wrong with it.
func (q ReadQuery) Check() error {
	switch {
	case q.Kind != ReadEvents && q.Kind != ReadSeries:
		return invalid("kind", message.UnknownReadKind, printable.Limit(q.Kind, 40), strings.Join(ReadKinds, ", "))
	case q.Kind == ReadSeries && q.Listener == "":
		return invalid("listener", message.ReadNeedsListener)
	case q.Limit < 0:
		return invalid("limit", message.ReadLimitNegative, q.Limit)
	}
	return nil
}

// Record is one item of a [Stream]. Of the pointers, the one of the query's kind
// is set.
type Record struct {
	// Position for [ReadQuery.After]. It only grows, also over restarts.
	Position uint64    `json:"position"`
	Time     time.Time `json:"time"`
	Event    *Event    `json:"event,omitempty"`
	Point    *Point    `json:"point,omitempty"`
}

// Stream is a sequence of records, oldest first. It is for one goroutine.
// Records that are no longer kept when the reader gets there are left out; times
// and [Event.Seq] show the gap. Over a socket, a reader that leaves a full buffer
// unread for a minute loses the stream, and resumes it by After.
type Stream interface {
	// Next returns the next record, and waits for it if the query follows. It
	// returns [io.EOF] after the last, and otherwise why there are no more: the
	// error of the context that was given to Read, or that of the connection.
	Next() (*Record, error)
	// Close ends the stream, whether it was read to its end or not.
	Close() error
}

// Source hands out up to limit records behind a position, oldest first. More is
// closed when there may be others; it is not used by who does not follow.
type Source func(after uint64, limit int) (found []Record, more <-chan struct{}, err error)

// batch is how many records are asked of a source at a time.
const batch = 200

// NewStream returns a Stream of what source has, for those who implement
// [Controller.Read]. It ends with ctx, with [ErrUnavailable] when done is closed,
// and with an error of the source.
func NewStream(ctx context.Context, q ReadQuery, done <-chan struct{}, source Source) Stream {
	ctx, cancel := context.WithCancel(ctx)
	return &sourceStream{ctx: ctx, cancel: cancel, done: done, query: q, source: source}
}

type sourceStream struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   <-chan struct{}
	query  ReadQuery
	source Source

	ahead []Record // asked for and not yet handed on
	given int
}

func (s *sourceStream) Next() (*Record, error) {
	if s.query.Limit > 0 && s.given == s.query.Limit {
		return nil, io.EOF
	}
	for len(s.ahead) == 0 {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	r := &s.ahead[0]
	s.ahead = s.ahead[1:]
	s.given++
	s.query.After = r.Position
	return r, nil
}

// fill asks the source for more, and waits for it where the query follows.
func (s *sourceStream) fill() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	found, more, err := s.source(s.query.After, batch)
	if s.ahead = found; err != nil || len(found) > 0 {
		return err
	}
	if !s.query.Follow {
		return io.EOF
	}
	select {
	case <-s.ctx.Done():
		return s.ctx.Err()
	case <-s.done:
		return errEnded()
	case <-more:
		return nil
	}
}

func (s *sourceStream) Close() error {
	s.cancel()
	return nil
}
