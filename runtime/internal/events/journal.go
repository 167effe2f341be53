// Package events remembers what happened and writes it to the log.
package events

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// shown is how many events a snapshot carries.
const shown = 100

// Journal remembers the newest events and writes each to the log.
type Journal struct {
	log *slog.Logger

	mu   sync.Mutex
	seq  uint64
	kept []control.Record // oldest first, at most 2*shown
	more chan struct{}    // closed and replaced by every event
}

// New returns an empty journal that writes to log, which must not block.
func New(log *slog.Logger) *Journal {
	return &Journal{log: log, more: make(chan struct{})}
}

// Resume goes on with what another journal held.
func (j *Journal) Resume(seq uint64, events []control.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq, j.kept = seq, nil
	for i := range events {
		j.keep(events[i])
	}
}

// Add records an event; Seq and Time are set here.
func (j *Journal) Add(e control.Event) {
	j.mu.Lock()
	j.seq++
	e.Seq, e.Time = j.seq, time.Now()
	j.keep(e)
	j.mu.Unlock()
	j.write(e)
}

// keep appends an event. Its position is its time, so that positions grow over
// restarts as well, unless the clock was set back meanwhile. mu is held.
func (j *Journal) keep(e control.Event) {
	position := uint64(max(e.Time.UnixMicro(), 1))
	if n := len(j.kept); n > 0 {
		position = max(position, j.kept[n-1].Position+1)
	}
	if len(j.kept) == 2*shown {
		j.kept = append(j.kept[:0], j.kept[shown:]...)
	}
	j.kept = append(j.kept, control.Record{Position: position, Time: e.Time, Event: &e})
	close(j.more)
	j.more = make(chan struct{})
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

// Info records what was to be expected; listener may be empty.
func (j *Journal) Info(listener string, code message.Code, values ...any) {
	j.say(control.LevelInfo, listener, code, values)
}

// Warn records what somebody should know.
func (j *Journal) Warn(listener string, code message.Code, values ...any) {
	j.say(control.LevelWarn, listener, code, values)
}

// Error records what somebody should do something about.
func (j *Journal) Error(listener string, code message.Code, values ...any) {
	j.say(control.LevelError, listener, code, values)
}

func (j *Journal) say(level, listener string, code message.Code, values []any) {
	e := control.NewEvent(level, message.New(code, values...), "")
	e.Listener = listener
	j.Add(e)
}

// Newest returns a copy of the newest events, oldest first.
func (j *Journal) Newest() []control.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return copies(j.kept[max(0, len(j.kept)-shown):])
}

// All is what the journal holds, for another program to go on with.
func (j *Journal) All() (seq uint64, events []control.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq, copies(j.kept)
}

func copies(kept []control.Record) []control.Event {
	out := make([]control.Event, len(kept))
	for i, r := range kept {
		out[i] = *r.Event
	}
	return out
}

// After is a [control.Source] of the events about listener, or of all if that is
// empty.
func (j *Journal) After(listener string, position uint64, limit int) ([]control.Record, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.kept); n > 0 && position > j.kept[n-1].Position {
		position = 0
	}
	var out []control.Record
	for _, r := range j.kept {
		if len(out) < limit && r.Position > position && (listener == "" || r.Event.Listener == listener) {
			out = append(out, r)
		}
	}
	return out, j.more
}

// By is an event of what somebody did, and of the reason that they gave; most give
// none.
func By(actor, level string, m message.Message, reason string) control.Event {
	e := control.NewEvent(level, m, reason)
	e.Actor = actor
	return e
}
