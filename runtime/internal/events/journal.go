// Package events remembers what happened and writes it to the log.
package events

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Shown is how many events a snapshot carries.
const Shown = 100

// Journal remembers the newest events and writes each to the log.
type Journal struct {
	log *slog.Logger

	mu     sync.Mutex
	seq    uint64
	events []control.Event // oldest first, at most 2*Shown
}

// New returns an empty journal that writes to log, which must not block.
func New(log *slog.Logger) *Journal { return &Journal{log: log} }

// Resume goes on with what another journal held.
func (j *Journal) Resume(seq uint64, events []control.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq, j.events = seq, events
}

// Add records an event; Seq and Time are set here.
func (j *Journal) Add(e control.Event) {
	j.mu.Lock()
	j.seq++
	e.Seq, e.Time = j.seq, time.Now()
	if len(j.events) == 2*Shown {
		j.events = append(j.events[:0], j.events[Shown:]...)
	}
	j.events = append(j.events, e)
	j.mu.Unlock()
	j.write(e)
}

func (j *Journal) write(e control.Event) {
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

// Infof records what was to be expected; listener may be empty.
func (j *Journal) Infof(listener, format string, args ...any) {
	j.Add(control.Event{Level: control.LevelInfo, Listener: listener, Message: fmt.Sprintf(format, args...)})
}

// Warnf records what somebody should know.
func (j *Journal) Warnf(listener, format string, args ...any) {
	j.Add(control.Event{Level: control.LevelWarn, Listener: listener, Message: fmt.Sprintf(format, args...)})
}

// Errorf records what somebody should do something about.
func (j *Journal) Errorf(listener, format string, args ...any) {
	j.Add(control.Event{Level: control.LevelError, Listener: listener, Message: fmt.Sprintf(format, args...)})
}

// Newest returns a copy of the newest events, oldest first.
func (j *Journal) Newest() []control.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	from := max(0, len(j.events)-Shown)
	return append([]control.Event{}, j.events[from:]...)
}

// All is what the journal holds, for another program to go on with.
func (j *Journal) All() (seq uint64, events []control.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq, append([]control.Event{}, j.events...)
}
