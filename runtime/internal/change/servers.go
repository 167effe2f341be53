package change

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// programActor is who changes something when the program's code does.
const programActor = "program"

// Serve brings a listener of the program into the config that runs. within is
// called before it opens, and served when it serves, both in its turn; an error of
// within is returned, and nothing serves then.
func (e *Engine) Serve(ctx context.Context, name string, l config.Listener, within func() error, served func()) (*endpoints.Listener, error) {
	with := func(c *config.Config) (*config.Config, error) { return c.WithListener(name, l) }
	ctx, unlock, err := e.lock(ctx, turn{to: func(v *ledger.View) *config.Config {
		to, _ := with(v.Running)
		return to
	}})
	if err != nil {
		return nil, e.closed
	}
	defer unlock()
	if err := within(); err != nil {
		return nil, err
	}
	if _, exists := e.ledger.View().Running.Listeners[name]; exists {
		return nil, fmt.Errorf("listener %q already exists: give this server another ServerConfig.Name", name)
	}
	if err := e.changeProgram(ctx, with, name+" is served"); err != nil {
		return nil, err
	}
	served()
	return e.endpoints.Listener(name), nil
}

// Remove takes a listener of the program out of the config again.
func (e *Engine) Remove(ctx context.Context, name string) error {
	ctx, unlock, err := e.lock(ctx, turn{})
	if err != nil {
		return err
	}
	defer unlock()
	if _, exists := e.ledger.View().Running.Listeners[name]; !exists {
		return nil // an operator has removed it
	}
	without := config.Patch{{Path: "listeners." + name, Unset: true}}
	return e.changeProgram(ctx, func(c *config.Config) (*config.Config, error) { return c.With(without) }, name+" is no longer served")
}

// changeProgram carries out what the program's code changes itself: an error is as
// it is, and what the program says is no override. The first change is the start.
func (e *Engine) changeProgram(ctx context.Context, edit func(*config.Config) (*config.Config, error), message string) error {
	v := e.ledger.View()
	entry := &ledger.Entry{Trigger: control.TriggerChange, Change: control.Change{Actor: programActor}, Message: message, Began: time.Now(), Quiet: true}
	if v.Generation == 0 {
		entry.Trigger = control.TriggerStart
	}
	var err error
	if entry.To, err = edit(v.Running); err != nil {
		return err
	}
	if entry.File, err = edit(v.File); err != nil {
		entry.File = nil // what the program said before does not go with it
	}
	_, err = e.commit(ctx, e.changed(entry, nil))
	return err
}

// OpenProgramState is [Engine.OpenState] and [Engine.LoadHistory] for a program,
// which starts with what it says itself: a trial that its last run has left there is
// over. It is called within a turn.
func (e *Engine) OpenProgramState(dir string) {
	e.OpenState(dir, false)
	e.LoadHistory()
	if s := e.state.savedState(ledger.TrialFile); s != nil {
		e.events.Warn("", message.TrialInterrupted, orSomebody(s.Actor))
		e.state.remove(ledger.TrialFile)
	}
}
