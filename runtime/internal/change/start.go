package change

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/probe"
	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// Start is what there is to start with.
type Start struct {
	// ConfigPath names the config file, which is watched; empty for none.
	ConfigPath string
	// Config is used when there is no file; nil is an empty one.
	Config *config.Config
	// FallbackLastGood starts with the last good generation of the state directory
	// if the config is not good.
	FallbackLastGood bool

	file  configFile
	wrong error // with the file
}

// Read reads the config file, if there is one. An error means that there is nothing
// to start with.
func (e *Engine) Read(ctx context.Context, s *Start) error {
	if s.file.config = s.Config; s.ConfigPath != "" {
		s.file, s.wrong = e.readFile(ctx, s.ConfigPath, watch.Read)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.wrong != nil && !s.FallbackLastGood {
			return s.wrong
		}
		e.sawFile(s.file.hash)
	}
	if s.file.config == nil {
		s.file.config = config.New()
	}
	e.ledger.Watch(s.file.path)
	return nil
}

// Watch makes every save of the config file take effect, if there is one.
func (e *Engine) Watch(s *Start) {
	if s.ConfigPath != "" {
		e.watchFile(s.file)
	}
}

// WatchNothing is Read for a program without a config file.
func (e *Engine) WatchNothing() { e.ledger.Watch("") }

// Resume goes on with what another program has left, once the ledger and the
// endpoints have it, in a turn of the caller. The config file, if there is one, held
// seen when it was last read; with reread it takes effect again even so.
func (e *Engine) Resume(path string, seen [sha256.Size]byte, reread bool) {
	e.sawFile(seen)
	e.wakeTimekeeper()
	e.steps.UseCertificates(false)
	if path != "" {
		if reread {
			seen = [sha256.Size]byte{}
		}
		e.watchFile(configFile{path: path, hash: seen})
	}
	e.background(e.reopenFailed)
}

// Start brings up the first config: the best candidate that can run, after Read.
// An error leaves nothing. It is a turn as any other: the clock runs as soon as
// something has a time limit.
func (e *Engine) Start(ctx context.Context, first *Start) error {
	ctx, unlock, err := e.lock(ctx, turn{})
	if err != nil {
		return err
	}
	defer unlock()
	all, told := e.ledger.Candidates(e.startWith(first))
	for _, event := range told {
		e.events.Add(event)
	}
	err = first.wrong
	for i, c := range all {
		failed := e.start(ctx, c, err)
		if failed == nil {
			return nil
		}
		if c.Fallback == 0 {
			err = failed
		}
		if i < len(all)-1 {
			e.events.Error("", message.CannotStart, c.Message, failed)
		}
	}
	return err
}

// startWith is what the ledger chooses from.
func (e *Engine) startWith(first *Start) ledger.Start {
	s := ledger.Start{LastGood: first.FallbackLastGood}
	if first.wrong != nil {
		return s
	}
	s.File, s.Saved = first.file.config, e.state.savedState(ledger.TrialFile)
	if s.FromTrial = s.Saved != nil; !s.FromTrial && e.state.keepOverrides {
		s.Saved = e.state.savedState(ledger.OverridesFile)
	}
	return s
}

// start brings up a candidate; an error leaves nothing. A listener may fail whose
// address cannot be had, as long as others serve: it is tried again. why is what
// is wrong with the file, if the candidate stands in for it. Callers have the turn.
func (e *Engine) start(ctx context.Context, c ledger.Candidate, why error) error {
	began := time.Now()
	if err := e.keys.Load(ctx, c.Config); err != nil {
		return err
	}
	var refusal *control.Error
	if c.Fallback != 0 {
		refusal = control.Refused(why)
	}
	_, err := e.commit(ctx, transaction{to: c.Config, lenient: true, record: func() ledger.Effects {
		return e.ledger.Start(c, refusal, began)
	}})
	if err != nil {
		return err
	}
	if len(e.endpoints.Failed()) > 0 {
		e.background(e.reopenFailed)
	}
	for _, name := range sortedKeys(c.Config.Listeners) {
		for _, warning := range probe.Connections(name, c.Config.Listeners[name]) {
			e.events.Add(control.Event{Level: control.LevelWarn, Listener: name, Message: warning})
		}
	}
	e.state.remove(probeFile)
	return nil
}
