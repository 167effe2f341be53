package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/probe"
)

// beginning is one way to start.
type beginning struct {
	file, config *config.Config
	notes        notes
	message      string
	// tell is an event about it, with its level; empty for none.
	tell, level string
	fallback    uint64 // generation that stands in for a file that is not good
}

// begin brings up the first config: the file with what stands from before; if
// that cannot run, the file alone; then, if asked for, what last was good.
// wrong is what is wrong with the file, nil if it is good.
func (a *App) begin(ctx context.Context, file *config.Config, wrong error, o Options) error {
	ways := a.beginnings(file, wrong, o)
	err := wrong
	for i, b := range ways {
		failed := a.start(ctx, b)
		if failed == nil {
			if b.fallback != 0 {
				a.alarm(b, err)
			}
			return nil
		}
		if b.fallback == 0 {
			err = failed
		}
		if i < len(ways)-1 {
			a.events.Errorf("", "cannot start with %s: %v", b.message, failed)
		}
	}
	return err
}

// beginnings are the ways to start, the best first.
func (a *App) beginnings(file *config.Config, wrong error, o Options) (ways []beginning) {
	if wrong == nil {
		if b, ok := a.asItStood(file); ok {
			ways = append(ways, b)
		}
		ways = append(ways, beginning{file: file, config: file, message: words.Count(len(file.Listeners), "listener")})
	}
	if o.FallbackLastGood {
		if b, ok := a.lastGood(); ok {
			ways = append(ways, b)
		}
	}
	return ways
}

// asItStood is the file with the overrides from before. After a death during a
// trial they are those from before the trial; otherwise those kept, if that is asked for.
func (a *App) asItStood(file *config.Config) (b beginning, ok bool) {
	s := a.state.standing(trialFile)
	if s != nil {
		b.tell = fmt.Sprintf("the runtime ended while a change by %s was on trial: it is taken back", orSomebody(s.Actor))
		b.level = control.LevelWarn
	} else if a.state.keepOverrides {
		s = a.state.standing(overridesFile)
	}
	if s == nil {
		return b, false
	}
	base, err := config.Parse(a.status.Path, []byte(s.File))
	if err != nil {
		a.events.Errorf("", "the overrides from before are not used, their file is not valid: %v", err)
		return b, false
	}
	running, err := config.Parse(a.status.Path, []byte(s.Config))
	if err != nil {
		a.events.Errorf("", "the overrides from before are not used, they are not valid: %v", err)
		return b, false
	}
	b.file, b.notes = file, s.Notes
	to, dropped := merge(base, running, file)
	b.config = s.Notes.unexpired(to, file)
	kept := len(overridden(file, b.config))
	b.message = fmt.Sprintf("%s, %s from before", words.Count(len(file.Listeners), "listener"), words.Count(kept, "override"))
	if len(dropped) > 0 {
		a.events.Warnf("", "the file wins over what was set by hand: %v", dropped)
	}
	return b, true
}

// unexpired is running without the overrides whose time is up.
func (n notes) unexpired(running, file *config.Config) *config.Config {
	to, err := running.With(inFile(file, n.expired(time.Now())))
	if err != nil { // they do not fit what the file says now; then they expire one by one
		return running
	}
	return to
}

// lastGood is what ran last and was not on trial.
func (a *App) lastGood() (beginning, bool) {
	kept := a.generations.list(control.HistoryQuery{Limit: keptGenerations, Config: true})
	for _, g := range kept {
		if g.Result != control.ResultApplied || g.Trigger == control.TriggerTrial {
			continue
		}
		cfg, err := config.Parse(a.status.Path, []byte(g.Config))
		if err != nil {
			continue // of another version
		}
		message := fmt.Sprintf("generation %d, the last good one", g.Number)
		return beginning{file: cfg, config: cfg, message: message, fallback: g.Number}, true
	}
	return beginning{}, false
}

// alarm shows, until the file is good, that it does not run and why.
func (a *App) alarm(b beginning, why error) {
	a.mu.Lock()
	a.status.State, a.status.Error, a.status.Fallback = control.ConfigRefused, refused(why), b.fallback
	a.mu.Unlock()
	a.events.Errorf("", "the config file is not good, %s runs instead: %v", b.message, why)
}

// start brings up a beginning; an error leaves nothing. A listener may fail
// whose address cannot be had, as long as others serve: it is tried again.
func (a *App) start(ctx context.Context, b beginning) error {
	began := time.Now()
	if err := a.keys.Load(ctx, b.config); err != nil {
		return err
	}
	a.mu.Lock()
	a.file = b.file
	a.mu.Unlock()
	changes, _, err := a.carryOut(ctx, deed{to: b.config, lenient: true})
	if err != nil {
		return err
	}
	if len(a.endpoints.Failed()) > 0 {
		a.background(a.reopenFailed)
	}
	a.mu.Lock()
	a.notes = b.notes
	a.mu.Unlock()
	d := deed{trigger: control.TriggerStart}
	g := d.entry(control.ResultApplied, "started with "+b.message, changes, began)
	g.Revision = a.currentRevision()
	a.remember(g, b.config)
	a.note(control.Change{})
	for _, name := range sortedKeys(b.config.Listeners) {
		for _, warning := range probe.Connections(name, b.config.Listeners[name]) {
			a.events.Warnf(name, "%s", warning)
		}
	}
	if b.tell != "" {
		a.events.Add(control.Event{Level: b.level, Message: b.tell})
	}
	if !a.state.keepOverrides {
		a.state.remove(overridesFile)
	}
	a.state.remove(trialFile)
	a.state.remove(probeFile)
	return nil
}
