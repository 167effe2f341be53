package change

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
	"github.com/echterhof/rockstar-tui/runtime/internal/statedir"
)

// probeFile of the state directory tells whether the disk works again.
const probeFile = "probe.json"

// state is what outlives the process. Without a directory nothing does, and
// nothing fails for it. It is used by whose turn it is.
type state struct {
	dir           *statedir.Dir
	files         *slowdisk.Files
	at            func(step string)
	keepOverrides bool
	events        *events.Journal
	// unsaved is what the disk did not take, by the name of the file; nil for one
	// that was to be removed. It is tried again.
	unsaved map[string]any
	// trouble is why, for everybody else; nil if all is well.
	trouble atomic.Pointer[stateTrouble]
}

// stateTrouble is why the state directory is of no use.
type stateTrouble struct {
	missing, failing string
	since            time.Time
}

// why it is of no use; empty if all is well.
func (s *state) why() string {
	if t := s.trouble.Load(); t != nil {
		return cmp.Or(t.failing, t.missing)
	}
	return ""
}

// open claims the directory. Without one the runtime does all the same.
func (s *state) open(path string, keepOverrides bool, events *events.Journal) {
	s.events, s.keepOverrides = events, keepOverrides
	if path == "" {
		return
	}
	dir, err := slowdisk.Within(context.Background(), s.files, path, slowdisk.FileTimeout, func() (*statedir.Dir, error) { return statedir.Open(path) })
	if err != nil {
		s.trouble.Store(&stateTrouble{missing: err.Error()})
		events.Warn("", message.NoStateDirectory, err)
		return
	}
	dir.At = s.at
	s.dir = dir
}

func (s *state) close() {
	if s.dir != nil {
		s.dir.Close() // it was only read from since the last Write
	}
}

// write keeps v as a file and reports whether that worked. A disk that fails
// costs what the file is for, and is told once, until it works again.
func (s *state) write(name string, v any) bool {
	if s.dir == nil {
		return false
	}
	data, err := json.Marshal(v)
	if err == nil {
		err = s.bounded(func() error { return s.dir.Write(name, data) })
	}
	return s.saved("keep", name, v, err)
}

// remove removes a file and reports whether that worked.
func (s *state) remove(name string) bool {
	if s.dir == nil {
		return true
	}
	err := s.bounded(func() error { return s.dir.Remove(name) })
	return s.saved("remove", name, nil, err)
}

// giveUp forgets a file that could not be written: it is not wanted any more.
// Something of its size is tried from then on, to find out when the disk works again.
func (s *state) giveUp(name string) {
	s.unsaved[probeFile] = s.unsaved[name]
	delete(s.unsaved, name)
	s.bounded(func() error { return s.dir.Remove(name) }) // it is there only if the disk failed at the very end
}

// bounded has the directory written to, and does not wait for a disk that hangs:
// nothing else changes meanwhile.
func (s *state) bounded(do func() error) error {
	_, err := slowdisk.Within(context.Background(), s.files, s.dir.Path(), slowdisk.StateTimeout, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// saved keeps account of what the disk takes.
func (s *state) saved(what, name string, v any, err error) bool {
	if err == nil {
		delete(s.unsaved, name)
		if t := s.trouble.Load(); t != nil && len(s.unsaved) == 0 {
			s.trouble.Store(nil)
			s.events.Info("", message.StateWritable)
		}
		return true
	}
	if s.unsaved == nil {
		s.unsaved = map[string]any{}
	}
	s.unsaved[name] = v
	if s.trouble.Load() == nil {
		s.trouble.Store(&stateTrouble{failing: err.Error(), since: time.Now()})
		s.events.Error("", message.StateNotWritten, what, name, err)
	}
	return false
}

// OpenState claims the state directory. Without one, or if it cannot be used,
// nothing outlives the process, and nothing fails for it. With keepOverrides what
// an operator changed is kept there.
func (e *Engine) OpenState(dir string, keepOverrides bool) {
	e.state.open(dir, keepOverrides, e.events)
}

// LoadHistory has the ledger know what the state directory tells of the past.
func (e *Engine) LoadHistory() { e.ledger.Load(e.state.generations()) }

// StateTrouble is why the state directory is of no use: missing says why it could not
// be opened, failing why it cannot be written to, since when. All are zero if it
// works.
func (e *Engine) StateTrouble() (missing, failing string, since time.Time) {
	if t := e.state.trouble.Load(); t != nil {
		return t.missing, t.failing, t.since
	}
	return "", "", time.Time{}
}

// stateRetry is how often what the disk did not take is tried again.
const stateRetry = 5 * time.Second

// retryState brings what the state directory lacks there once its disk works again.
func (e *Engine) retryState(ctx context.Context) {
	tick := time.NewTicker(stateRetry)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if t := e.state.trouble.Load(); t == nil || t.failing == "" {
			continue
		}
		if _, unlock, err := e.lock(ctx, turn{}); err == nil {
			e.state.retry()
			unlock()
		}
	}
}

func (s *state) retry() {
	for _, name := range sortedKeys(s.unsaved) {
		v, done := s.unsaved[name], false
		if v == nil {
			done = s.remove(name)
		} else {
			done = s.write(name, v) && (name != probeFile || s.remove(name))
		}
		if !done {
			return
		}
	}
}

// carry writes and removes files, in that order, and returns the names of those
// for which that did not work.
func (s *state) carry(writes []ledger.Write) (unkept map[string]bool) {
	for _, w := range writes {
		kept := false
		if w.Content == nil {
			kept = s.remove(w.Name)
		} else {
			kept = s.write(w.Name, w.Content)
		}
		if !kept {
			if unkept == nil {
				unkept = map[string]bool{}
			}
			unkept[w.Name] = true
		}
	}
	return unkept
}

// savedState is the content of a file; nil if there is none, or none that can be understood.
func (s *state) savedState(name string) *ledger.Saved {
	if s.dir == nil {
		return nil
	}
	data, err := s.dir.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var out *ledger.Saved
	if err == nil {
		out, err = ledger.DecodeSaved(data)
	}
	if err != nil {
		s.events.Error("", message.StateFileIgnored, name, err)
		return nil
	}
	return out
}

// generations reads the history.
func (s *state) generations() (out []control.Generation) {
	if s.dir == nil {
		return nil
	}
	for _, prefix := range []string{ledger.GenerationPrefix, ledger.RefusedPrefix} {
		names, err := s.dir.Names(prefix)
		if err != nil {
			s.events.Error("", message.HistoryUnread, err)
		}
		for _, name := range names {
			data, err := s.dir.Read(name)
			var g control.Generation
			if err == nil {
				g, err = ledger.DecodeGeneration(name, data)
			}
			switch {
			case errors.Is(err, ledger.ErrNotOurs):
			case err != nil:
				s.events.Error("", message.StateFileIgnored, name, err)
			default:
				out = append(out, g)
			}
		}
	}
	return out
}

// shortfall is what a change should say that was promised to outlive the process
// and will not; nil if it will, or if nothing was promised.
func (e *Engine) shortfall() []string {
	if why := e.state.why(); why != "" && e.state.keepOverrides && len(e.ledger.View().Edits) > 0 {
		return []string{"a restart forgets it despite --keep-overrides: the state directory cannot be used: " + why}
	}
	return nil
}
