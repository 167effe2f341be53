package runtime

import (
	"io"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
	"github.com/echterhof/rockstar-tui/runtime/internal/upgrade"
)

const (
	// UpgradeCheck is the argument by which a program is asked, on its standard
	// input, whether it can take over from another. It answers by [CheckUpgrade].
	UpgradeCheck = upgrade.CheckArgument
	// UpgradeStandBy is the argument by which a program is started to stand by
	// during an upgrade; the command line to come back by follows. It does so by
	// [StandBy].
	UpgradeStandBy = upgrade.StandByArgument
)

// CheckUpgrade reads what a runtime leaves to its successor and answers with the
// version of this program, or fails if this program could not go on with it.
func CheckUpgrade(in io.Reader, out io.Writer, version string) error {
	return upgrade.Check(in, out, version)
}

// StandBy waits for what becomes of an upgrade. If the new program dies it does
// not return: the old one comes back by the command line args.
func StandBy(args []string) error { return upgrade.StandBy(args) }

// newUpgrader is that of an App that is complete but for it.
func newUpgrader(a *App, desired *ledger.Ledger) *upgrade.Upgrader {
	return upgrade.New(upgrade.Config{
		Version: a.version,
		Ledger:  desired, Endpoints: a.endpoints, Cells: a.cells, Certificates: a.keys, Monitor: a.monitor, Events: a.events,
		FileHash: a.engine.SeenFile, FlushLog: a.logQueue.Flush, Ending: a.ending,
		Lock: a.engine.Lock, Refuse: a.engine.Refuse, Forecast: a.engine.Forecast,
	})
}

// resume is Open for what another program has left. Nothing changes until the caller
// has had the listeners taken over and calls release.
func resume(o Options, s *upgrade.State) (a *App, release func(), err error) {
	running, file, err := s.Configs()
	if err != nil {
		return nil, nil, err
	}
	a = newApp(o)
	a.engine.OpenState(o.StateDir, o.KeepOverrides)
	if _, release, err = a.engine.Lock(a.ctx, "the upgrade"); err != nil {
		return nil, nil, err
	}
	a.upgrade.Resume(a.ctx, s, running, file, func(listener string) (serving.Settings, error) {
		return a.engine.Settings(running, listener)
	})
	// What was held is to be read, and held, again.
	a.engine.Resume(s.Status.Path, s.Hash, s.Status.State == control.ConfigPending)
	beginTasks(a)
	return a, release, nil
}

// inherit makes what a worker of a master that died counts by, and what its sessions
// are sealed with, hold on.
func inherit(s serving.Settings, cells *scoreboard.Cells, keys *certs.Store) {
	for backend, cell := range s.Cells {
		cells.Inherit(backend, cell)
	}
	if s.TLS != nil && len(s.TLS.Tickets) > 0 {
		keys.Inherit(s.Name, s.TLS.Tickets)
	}
}
