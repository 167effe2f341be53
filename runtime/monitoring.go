package runtime

import (
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
)

// desired is what should run, for those who look.
func (a *App) desired() monitor.Desired {
	v := a.ledger.View()
	return monitor.Desired{Revision: v.Generation, Config: v.Running, Status: v.Status(), Upgrade: a.upgrade.Status()}
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
