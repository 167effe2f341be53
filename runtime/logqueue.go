package runtime

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxLogWaiting bounds the lines of the log that wait to be written.
	maxLogWaiting = 1000
	// logFlushTimeout bounds how long an end waits for the log to be written.
	logFlushTimeout = time.Second
)

// logQueue stands between a runtime and its log, whose reader may be slow, stuck
// or gone: whoever logs never waits, and what does not fit is dropped and
// counted. Its goroutine lives while there is something to write.
type logQueue struct {
	mu      sync.Mutex
	waiting []logLine
	done    chan struct{} // closed when the goroutine has nothing left; nil while there is none
	dropped uint64
	last    time.Time // that one was dropped
	told    uint64    // of those dropped, in the log itself
}

// logLine is a record and who writes it.
type logLine struct {
	to     slog.Handler
	record slog.Record
}

// newLogQueue returns a logger that never blocks in front of log, and its queue.
func newLogQueue(log *slog.Logger) (*slog.Logger, *logQueue) {
	q := &logQueue{}
	return slog.New(queuedLog{q, log.Handler()}), q
}

// queuedLog is a [slog.Handler] whose records go through a queue.
type queuedLog struct {
	queue *logQueue
	to    slog.Handler
}

func (h queuedLog) Enabled(ctx context.Context, l slog.Level) bool { return h.to.Enabled(ctx, l) }

func (h queuedLog) Handle(_ context.Context, r slog.Record) error {
	h.queue.add(logLine{h.to, r.Clone()})
	return nil
}

func (h queuedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return queuedLog{h.queue, h.to.WithAttrs(attrs)}
}

func (h queuedLog) WithGroup(name string) slog.Handler {
	return queuedLog{h.queue, h.to.WithGroup(name)}
}

func (q *logQueue) add(line logLine) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxLogWaiting {
		q.drop()
		return
	}
	q.waiting = append(q.waiting, line)
	if q.done == nil {
		q.done = make(chan struct{})
		go q.write()
	}
}

// drop counts a lost line; callers hold mu.
func (q *logQueue) drop() {
	q.dropped++
	q.last = time.Now()
}

func (q *logQueue) write() {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			close(q.done)
			q.done = nil
			q.mu.Unlock()
			return
		}
		line := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		q.pass(line)
	}
}

// pass writes one line, and how many were lost since one last could be written.
func (q *logQueue) pass(line logLine) {
	err := line.to.Handle(context.Background(), line.record)
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
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were dropped, nobody took them", 0)
	r.Add("lines", lost)
	if line.to.Handle(context.Background(), r) != nil {
		q.mu.Lock()
		q.told -= lost
		q.mu.Unlock()
	}
}

// flush waits until everything is written, but not for long: a reader that is
// stuck must not keep a program from its end.
func (q *logQueue) flush() {
	q.mu.Lock()
	done := q.done
	q.mu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-time.After(logFlushTimeout):
	}
}

// lost is how many lines were dropped so far, and when the last.
func (q *logQueue) lost() (lines uint64, last time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped, q.last
}
