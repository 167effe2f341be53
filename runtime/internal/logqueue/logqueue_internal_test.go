package logqueue

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// stuckLog is a handler that takes nothing until it is released.
type stuckLog struct {
	slog.Handler
	release chan struct{}
	mu      sync.Mutex
	lines   []string
}

func (h *stuckLog) Enabled(context.Context, slog.Level) bool { return true }

func (h *stuckLog) Handle(_ context.Context, r slog.Record) error {
	<-h.release
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, r.Message)
	return nil
}

func TestWhatALogDoesNotTakeIsDroppedAndCounted(t *testing.T) {
	h := &stuckLog{release: make(chan struct{})}
	log, queue := New(slog.New(h))
	const extra = 500
	for range maxWaiting + extra {
		log.Info("line")
	}
	lines, last := queue.Lost()
	if lines < extra-1 || lines > extra || time.Since(last) > time.Minute { // one may be on its way
		t.Errorf("%d lines were lost, the last at %s, want %d", lines, last, extra)
	}
	close(h.release)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		queue.Flush()
		h.mu.Lock()
		all := strings.Join(h.lines, ",") + ","
		h.mu.Unlock()
		if strings.Count(all, "line,") >= maxWaiting && strings.Contains(all, "were dropped") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it wrote %d bytes: %.200s", len(all), all)
		}
	}
}
