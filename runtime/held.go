package runtime

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
)

// held is a config file that is good but not applied yet.
type held struct {
	control.Held
	file *config.Config
}

// hold keeps a good file until somebody decides, or the trial under way is over.
func (a *App) hold(file *config.Config, h control.Held) {
	h.Since, h.Changes = time.Now(), config.Diff(a.file, file)
	a.mu.Lock()
	if len(h.Changes) == 0 { // saved again as it was
		a.held, a.status.State, a.status.Error = nil, control.ConfigInSync, nil
		a.mu.Unlock()
		return
	}
	a.held = &held{h, file}
	a.status.State, a.status.Error = control.ConfigPending, nil
	a.mu.Unlock()
	a.events.Warnf("", "the config file was saved and is not applied yet: %s", h.Reason)
}

// release returns the file that is held, and holds it no more.
func (a *App) release() *config.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held == nil {
		return nil
	}
	file := a.held.file
	a.held = nil
	return file
}

// holdForTrial holds a file that was saved during a trial: applied at once it
// would change what is on trial, and be gone when that is taken back.
func (a *App) holdForTrial(file *config.Config) {
	a.hold(file, control.Held{Trial: true, Reason: "it waits for the end of the trial"})
}

// removal tells why a saved file waits for a decision before it leads to this
// config; empty if it need not.
func (a *App) removal(to *config.Config) string {
	if to.Reload.OnRemoval != config.HoldRemoval {
		return ""
	}
	var gone, busy []string
	open := uint64(0)
	for _, name := range sortedKeys(a.config.Listeners) {
		if _, stays := to.Listeners[name]; stays {
			continue
		}
		gone = append(gone, name)
		if t := a.endpoints.Listener(name).Totals(); t.Active+t.Idle > 0 {
			busy, open = append(busy, name), open+t.Active+t.Idle
		}
	}
	switch {
	case len(busy) > 0:
		return fmt.Sprintf("it removes %s, with %s open", strings.Join(busy, ", "), words.Count(int(open), "connection"))
	case len(gone)*2 > len(a.config.Listeners):
		return fmt.Sprintf("it removes %d of %s", len(gone), words.Count(len(a.config.Listeners), "listener"))
	}
	return ""
}

// afterTrial takes the file that was saved during the trial.
func (a *App) afterTrial(ctx context.Context) {
	if file := a.release(); file != nil {
		a.take(ctx, file)
	}
}

// heldFile is the file that is held; nil if none is.
func (a *App) heldFile() *config.Config {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.held == nil {
		return nil
	}
	return a.held.file
}

// decide applies a held file, or leaves it unapplied until it is saved again.
func (a *App) decide(ctx context.Context, action control.Action) (*control.Result, error) {
	if err := a.onTrial(); err != nil {
		return nil, err
	}
	file := a.release()
	switch {
	case file == nil:
		return nil, &control.Error{Code: control.CodeNotFound, Message: "no change of the config file is held"}
	case action.Kind == control.AcceptHeld:
		return a.adopt(ctx, file, action.Actor, false)
	}
	message := "the config file was saved and " + orSomebody(action.Actor) + " left it unapplied; the old one keeps running"
	a.refuse(&control.Error{Code: control.CodeRefused, Message: events.WithReason(message, action.Reason)})
	return &control.Result{Revision: a.currentRevision(), Message: message}, nil
}
