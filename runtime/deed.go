package runtime

import (
	"context"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
)

// deed is a change of the desired state and what is to be said of it.
type deed struct {
	to      *config.Config
	trigger string         // as in control.Generation
	change  control.Change // who, why and for how long
	plan    *control.Plan  // nil if nobody is told what becomes of the connections
	message string         // one line, if it succeeds
	// last is done when all is prepared, before it is decided: if it fails,
	// everything is undone. Nil for nothing.
	last func() error
	// lenient lets listeners fail whose addresses cannot be had, unless all do.
	lenient bool
}

// enact puts a deed into effect, and tells the history, the events and the
// overrides of it. Callers hold changeMu.
func (a *App) enact(ctx context.Context, d deed) (*control.Result, error) {
	began := time.Now()
	changes, id, err := a.carryOut(ctx, d)
	if err != nil && ctx.Err() != nil {
		return nil, turnEnded(ctx)
	}
	if err != nil {
		a.tellRefused(d.entry(control.ResultRefused, err.Error(), config.Diff(a.config, d.to), began))
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	a.note(d.change)
	result := &control.Result{ID: id, Revision: a.currentRevision(), Changes: changes, Message: d.message, Warnings: a.shortfall()}
	if len(changes) == 0 {
		return result, nil
	}
	a.setLastActor(d.change.Actor)
	g := d.entry(control.ResultApplied, d.message, changes, began)
	g.Revision = result.Revision
	result.Generation = a.remember(g, d.to)
	a.events.Add(control.Event{Level: control.LevelInfo, Actor: d.change.Actor, Message: events.WithReason(d.message, d.change.Reason)})
	return result, nil
}

// tellRefused tells the history and the events of a refused attempt; of one that
// the runtime repeats by itself only once.
func (a *App) tellRefused(g control.Generation) {
	if g.Actor == "" && a.generations.repeats(g) {
		return
	}
	g.Revision = a.currentRevision()
	a.remember(g, nil)
	a.events.Add(control.Event{Level: control.LevelError, Actor: g.Actor, Message: "refused: " + g.Message})
}

// entry of the history for a deed.
func (d deed) entry(result, message string, changes []config.Change, began time.Time) control.Generation {
	return control.Generation{
		Time: began, Actor: d.change.Actor, Reason: d.change.Reason, Trigger: d.trigger,
		Result: result, Message: message, Changes: changes,
		DurationMS: float64(time.Since(began).Microseconds()) / 1000,
	}
}

func (a *App) setLastActor(actor string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lastActor = actor
}
