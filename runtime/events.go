package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// shownEvents is how many events a snapshot carries.
const shownEvents = 100

// journal remembers the newest events and writes each to the log.
type journal struct {
	log *slog.Logger

	mu     sync.Mutex
	seq    uint64
	events []control.Event // oldest first, at most 2*shownEvents
}

// add records an event; Seq and Time are set here.
func (j *journal) add(e control.Event) {
	j.mu.Lock()
	j.seq++
	e.Seq, e.Time = j.seq, time.Now()
	if len(j.events) == 2*shownEvents {
		j.events = append(j.events[:0], j.events[shownEvents:]...)
	}
	j.events = append(j.events, e)
	j.mu.Unlock()
	j.write(e)
}

func (j *journal) write(e control.Event) {
	level := map[string]slog.Level{
		control.LevelWarn: slog.LevelWarn, control.LevelError: slog.LevelError,
	}[e.Level]
	var attrs []any
	if e.Listener != "" {
		attrs = append(attrs, "listener", e.Listener)
	}
	if e.Worker != nil {
		attrs = append(attrs, "worker", *e.Worker)
	}
	if e.Actor != "" {
		attrs = append(attrs, "actor", e.Actor)
	}
	j.log.Log(context.Background(), level, e.Message, attrs...)
}

func (j *journal) infof(listener, format string, args ...any) {
	j.add(control.Event{Level: control.LevelInfo, Listener: listener, Message: fmt.Sprintf(format, args...)})
}

func (j *journal) warnf(listener, format string, args ...any) {
	j.add(control.Event{Level: control.LevelWarn, Listener: listener, Message: fmt.Sprintf(format, args...)})
}

func (j *journal) errorf(listener, format string, args ...any) {
	j.add(control.Event{Level: control.LevelError, Listener: listener, Message: fmt.Sprintf(format, args...)})
}

// newest returns a copy of the newest events, oldest first.
func (j *journal) newest() []control.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	from := max(0, len(j.events)-shownEvents)
	return append([]control.Event{}, j.events[from:]...)
}

// all is what the journal holds, for another program to go on with.
func (j *journal) all() (seq uint64, events []control.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq, append([]control.Event{}, j.events...)
}
