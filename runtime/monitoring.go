package runtime

import (
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
)

// desired is what should run, for those who look.
func (a *App) desired() monitor.Desired {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return monitor.Desired{Revision: a.revision, Config: a.config, Status: a.configStatus(), Upgrade: a.upgrade}
}

// configStatus tells how what runs relates to the file. Callers hold mu.
func (a *App) configStatus() control.ConfigStatus {
	status := a.status
	status.Edits = a.edits
	for _, e := range a.edits {
		status.Overrides = append(status.Overrides, e.Path)
	}
	status.Generation = a.generations.current()
	if a.trial != nil {
		status.Trial = &a.trial.Trial // never changed, only replaced
	}
	if a.held != nil {
		status.Held = &a.held.Held
	}
	if status.State == control.ConfigInSync && len(status.Overrides) > 0 {
		status.State = control.ConfigOverridden
	}
	return status
}

// facts are what the monitor does not see by itself.
func (a *App) facts() (f problems.Facts) {
	if t := a.state.trouble.Load(); t != nil {
		f.StateMissing, f.StateError, f.StateSince = t.missing, t.failing, t.since
	}
	f.NoAdoption = a.noOrphanDir
	f.LogDropped, f.LogDroppedAt = a.logQueue.Lost()
	return f
}
