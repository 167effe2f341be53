package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// changeWait is how long a change waits for the one before it.
var changeWait = 30 * time.Second

// changing is who holds changeMu, for those who wait.
type changing struct {
	actor string
	since time.Time
}

// lockChange waits for its turn to change something, for the runtime itself.
func (a *App) lockChange(ctx context.Context) (unlock func(), err error) {
	return a.lockAs(ctx, "")
}

// lockAs waits for its turn to change something, within bounds: who waits for
// longer is told for whom.
func (a *App) lockAs(ctx context.Context, actor string) (unlock func(), err error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	began := time.Now()
	for !a.changeMu.TryLock() {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-a.ctx.Done():
			return nil, &control.Error{Code: control.CodeUnavailable, Message: ErrClosed.Error()}
		case <-time.After(5 * time.Millisecond):
		}
		if actor != "" && a.replacing() {
			return nil, &control.Error{Code: control.CodeConflict, Message: "the program is being replaced by another version: try again in a moment"}
		}
		if actor != "" && time.Since(began) > changeWait {
			return nil, &control.Error{Code: control.CodeConflict, Message: a.busy()}
		}
	}
	a.setChanging(changing{actor, time.Now()})
	return func() {
		a.setChanging(changing{})
		a.changeMu.Unlock()
	}, nil
}

func (a *App) setChanging(c changing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changing = c
}

// busy tells who is changing something.
func (a *App) busy() string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	who := a.changing.actor
	if who == "" {
		who = "the runtime itself"
	}
	if a.changing.since.IsZero() {
		return "others change something all the time: try again"
	}
	return fmt.Sprintf("%s has been changing something since %s, for %s: try again",
		who, a.changing.since.Format(time.TimeOnly), time.Since(a.changing.since).Round(time.Second))
}

// actorNow is who changes something just now.
func (a *App) actorNow() string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.changing.actor
}
