package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// streamTimeout is how long a watcher may leave a line unread.
const streamTimeout = time.Minute

// latest passes values from one sender to one receiver. It holds the newest
// only, so that the sender never waits and nothing piles up.
type latest[T any] chan T

func newLatest[T any]() latest[T] { return make(chan T, 1) }

// put replaces what was not yet taken. There is room afterwards, because no
// one else sends.
func (l latest[T]) put(v T) {
	select {
	case <-l:
	default:
	}
	l <- v
}

// watch streams snapshots, one per line. A last line may be an error that says
// why there are no more.
func (h *handler) watch(a *answer, r *request) error {
	opts, err := watchOptionsOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	newest, ended := newLatest[*Snapshot](), make(chan error, 1)
	running.Go(func() { ended <- h.follow(ctx, r, opts, newest.put) })
	st := newStream(a)
	defer st.end()
	for {
		select {
		case s := <-newest:
			if err := st.line(r.view(s)); err != nil {
				return err
			}
		case err := <-ended:
			return st.last(err)
		case <-stopping(r.Context()):
			return st.last(errEnded())
		}
	}
}

// read streams records, one per line. A last line may be an error that says why
// there are no more than these.
func (h *handler) read(a *answer, r *request) error {
	q, err := readQueryOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	ended := stopping(ctx)
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	records, err := h.ctl.Read(ctx, q)
	if err != nil {
		return err
	}
	defer records.Close()
	st := newStream(a)
	defer st.end()
	if err := st.begin(); err != nil {
		return err
	}
	for {
		record, err := records.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && r.Context().Err() == nil && ctx.Err() != nil:
			return st.last(errEnded())
		case err != nil:
			return st.last(err)
		}
		if err := st.line(record); err != nil {
			return err
		}
	}
}

func errEnded() *Error { return Fail(CodeUnavailable, message.RuntimeHasEnded) }

// follow is the controller's Watch with a panic turned into an error, because
// it runs in a goroutine that net/http does not guard.
func (h *handler) follow(ctx context.Context, r *request, opts WatchOptions, fn func(*Snapshot)) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = h.caught(v, r.Request)
		}
	}()
	return h.ctl.Watch(ctx, opts, fn)
}

// stream writes lines of JSON, each of which the reader gets at once.
type stream struct {
	a   *answer
	rc  *http.ResponseController
	buf bytes.Buffer
	enc *json.Encoder
}

func newStream(a *answer) *stream {
	s := &stream{a: a, rc: http.NewResponseController(a)}
	s.enc = json.NewEncoder(&s.buf)
	return s
}

// line encodes before it writes, so that a reader who does not read holds one
// encoded snapshot and the controller none.
func (s *stream) line(v any) error {
	s.buf.Reset()
	if err := s.enc.Encode(v); err != nil {
		return err
	}
	s.head()
	if err := s.rc.SetWriteDeadline(time.Now().Add(streamTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.a.Write(s.buf.Bytes()); err != nil {
		return err
	}
	return s.rc.Flush()
}

// begin sends the header before there is a line, for a reader who waits for one.
func (s *stream) begin() error {
	s.head()
	return s.rc.Flush()
}

func (s *stream) head() {
	if !s.a.begun {
		s.a.Header().Set("Content-Type", "application/x-ndjson")
		s.a.Header().Set("Cache-Control", "no-store")
		s.a.WriteHeader(http.StatusOK)
	}
}

// last ends the stream with the reason. Before the first line it is an
// ordinary answer.
func (s *stream) last(err error) error {
	if !s.a.begun {
		return err
	}
	return s.line(errorBody{AsError(err).cleaned()})
}

// end lets a connection that is used again forget the deadline.
func (s *stream) end() { _ = s.rc.SetWriteDeadline(time.Time{}) }
