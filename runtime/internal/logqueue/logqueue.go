// Package logqueue stands between a program and the reader of its log, so that a
// reader who is slow, stuck or gone holds nobody up.
package logqueue

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxWaiting bounds the lines of the log that wait to be written.
	maxWaiting = 1000
	// flushTimeout bounds how long an end waits for the log to be written.
	flushTimeout = time.Second
)

// Queue stands between a runtime and its log, whose reader may be slow, stuck
// or gone: whoever logs never waits, and what does not fit is dropped and
// counted. Its goroutine lives while there is something to write.
type Queue struct {
	mu      sync.Mutex
	waiting []line
	done    chan struct{} // closed when the goroutine has nothing left; nil while there is none
	dropped uint64
	last    time.Time // that one was dropped
	told    uint64    // of those dropped, in the log itself
}

// line is a record and who writes it.
type line struct {
	to     slog.Handler
	record slog.Record
}

// New returns a logger that never blocks in front of log, and its queue.
func New(log *slog.Logger) (*slog.Logger, *Queue) {
	q := &Queue{}
	return slog.New(queuedLog{q, log.Handler()}), q
}

// queuedLog is a [slog.Handler] whose records go through a queue.
type queuedLog struct {
	queue *Queue
	to    slog.Handler
}

func (h queuedLog) Enabled(ctx context.Context, l slog.Level) bool { return h.to.Enabled(ctx, l) }

func (h queuedLog) Handle(_ context.Context, r slog.Record) error {
	h.queue.add(line{h.to, r.Clone()})
	return nil
}

func (h queuedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return queuedLog{h.queue, h.to.WithAttrs(attrs)}
}

func (h queuedLog) WithGroup(name string) slog.Handler {
	return queuedLog{h.queue, h.to.WithGroup(name)}
}

func (q *Queue) add(l line) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxWaiting {
		q.drop()
		return
	}
	q.waiting = append(q.waiting, l)
	if q.done == nil {
		q.done = make(chan struct{})
		go q.write()
	}
}

// drop counts a lost line; callers hold mu.
func (q *Queue) drop() {
	q.dropped++
	q.last = time.Now()
}

func (q *Queue) write() {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			close(q.done)
			q.done = nil
			q.mu.Unlock()
			return
		}
		next := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		q.pass(next)
	}
}

// pass writes one line, and how many were lost since one last could be written.
func (q *Queue) pass(l line) {
	err := l.to.Handle(context.Background(), l.record)
	q.mu.Lock()
	if err != nil {
		q.drop()
	}
	lost := q.dropped - q.told
	if err == nil {
		q.told = q.dropped
	}
	q.mu.Unlock()
	if err != nil || lost == 0 {
		return
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines were dropped because nothing read them", 0)
	r.Add("lines", lost)
	if l.to.Handle(context.Background(), r) != nil {
		q.mu.Lock()
		q.told -= lost
		q.mu.Unlock()
	}
}

// Flush waits until everything is written, but not for long: a reader that is
// stuck must not keep a program from its end.
func (q *Queue) Flush() {
	q.mu.Lock()
	done := q.done
	q.mu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-time.After(flushTimeout):
	}
}

// Lost is how many lines were dropped so far, and when the last.
func (q *Queue) Lost() (lines uint64, last time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped, q.last
}
