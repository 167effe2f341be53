package runtime

import (
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"

	"errors"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// carriedFormat is the version of carried. It changes when an older program
// would misunderstand a newer one, or the other way round.
const carriedFormat = 1

// carried is all that a runtime leaves to the program that takes its place. It
// travels as JSON; descriptors travel as their numbers.
type carried struct {
	Format int `json:"format"`
	// Protocol between master and workers, from the oldest version to the newest.
	Protocol       int `json:"protocol"`
	ProtocolLatest int `json:"protocol_latest,omitempty"`
	// Board is the layout of the scoreboard, and BoardFormat that of its directory.
	Board       string `json:"board"`
	BoardFormat int    `json:"board_format,omitempty"`
	PID         int    `json:"pid"`

	Upgrade control.Upgrade `json:"upgrade"`
	Started time.Time       `json:"started"`

	Config    string               `json:"config"` // what runs
	File      string               `json:"file"`   // what the file said
	Hash      [32]byte             `json:"hash"`   // of the file
	Status    control.ConfigStatus `json:"status"`
	Revision  uint64               `json:"revision"`
	LastActor string               `json:"last_actor,omitempty"`
	Overrides ledger.Overrides     `json:"notes,omitempty"`
	Past      ledger.Past          `json:"past"`

	Seq       uint64            `json:"seq"` // of events
	Events    []control.Event   `json:"events"`
	Cells     map[string]int    `json:"cells"`
	Backends  []pool.Totals     `json:"backends"`
	Keys      certs.State       `json:"keys"`
	Listeners []carriedListener `json:"listeners"`
	Control   *socket.Kept      `json:"control"`

	// StandBy is the descriptor by which who stands by is told that all is well; 0
	// if nobody does.
	StandBy int `json:"stand_by,omitempty"`

	LastReceipt uint64               `json:"last_receipt,omitempty"`
	Receipts    []*endpoints.Receipt `json:"receipts,omitempty"`
}

// carriedListener is a listener and its past.
type carriedListener struct {
	endpoints.State
	monitor.Past
}

// listenerStates are the listeners without their pasts.
func (c *carried) listenerStates() (all []endpoints.State) {
	for _, l := range c.Listeners {
		all = append(all, l.State)
	}
	return all
}

// maxCarriedPoints bounds what is carried of all histories together.
const maxCarriedPoints = 1 << 19

// describe is what there is to carry beside descriptors and secrets; listeners are
// the state of all. Callers have the turn.
func (a *App) describe(listeners []endpoints.State) *carried {
	v := a.ledger.View()
	speaks := prefork.Ours()
	c := &carried{
		Format: carriedFormat, Protocol: speaks.Protocol, ProtocolLatest: speaks.Latest, Board: scoreboard.Layout, BoardFormat: scoreboard.Format,
		Started: a.monitor.Started(),
		Config:  string(v.Running.YAML()), File: string(v.File.YAML()), Hash: a.seenFile(),
		Status: v.FileStatus(), Revision: v.Generation, LastActor: v.LastActor, Overrides: v.Overrides,
		Past: v.Past(),
	}
	c.LastReceipt, c.Receipts = a.endpoints.ReceiptState()
	c.Seq, c.Events = a.events.All()
	c.Cells, c.Backends = a.cells.State()
	for _, l := range listeners {
		c.Listeners = append(c.Listeners, carriedListener{l, a.monitor.Past(l.Name, maxCarriedPoints/len(listeners))})
	}
	return c
}

// check tells whether this program can go on with c. It is asked in a trial, by
// the program that is to be replaced.
func (c *carried) check() error {
	switch {
	case c.Format != carriedFormat:
		return fmt.Errorf("the running program hands over by format %d, this one takes %d: stop it and start this one", c.Format, carriedFormat)
	case !scoreboard.Readable(c.BoardFormat, c.Board):
		return errors.New("the running workers count in another layout than this program: stop it and start this one")
	}
	if _, err := prefork.Ours().Agree(prefork.Capabilities{Protocol: c.Protocol, Latest: c.ProtocolLatest}); err != nil {
		return fmt.Errorf("%w: stop it and start this one", err)
	}
	_, _, err := c.configs()
	return err
}

// configs are what runs and what the file said.
func (c *carried) configs() (running, file *config.Config, err error) {
	if running, err = config.Parse(c.Status.Path, []byte(c.Config)); err != nil {
		return nil, nil, fmt.Errorf("what runs is not valid for this program: %s", control.Invalid(err).Message)
	}
	if file, err = config.Parse(c.Status.Path, []byte(c.File)); err != nil {
		return nil, nil, fmt.Errorf("what the config file said is not valid for this program: %s", control.Invalid(err).Message)
	}
	return running, file, nil
}

// resume is Open for what another program has left. It returns with a turn
// that lasts until release, and with the listeners that the caller still has to
// bring up to date.
func resume(o Options, c *carried) (*App, error) {
	running, file, err := c.configs()
	if err != nil {
		return nil, err
	}
	a := newApp(o)
	a.state.open(o, a.events)
	if _, a.release, err = a.queue.Take(a.ctx, change.Turn{Actor: "the upgrade"}); err != nil {
		return nil, err
	}
	a.monitor.Resume(c.Started)
	a.fileHash = c.Hash
	a.events.Resume(c.Seq, c.Events)
	a.cells.Restore(c.Cells, c.Backends)
	a.ledger.Resume(ledger.Resumed{Running: running, File: file, Status: c.Status, Generation: c.Revision,
		LastActor: c.LastActor, Overrides: c.Overrides, Past: c.Past})
	a.endpoints.RestoreReceipts(c.LastReceipt, c.Receipts)
	a.wakeTimekeeper()
	a.keys.Restore(c.Keys)
	for _, l := range c.Listeners {
		a.monitor.RestorePast(l.Name, l.Past)
		a.endpoints.Resume(a.ctx, l.State, running.Listeners, func() (serving.Settings, error) {
			return a.settingsFor(running, l.Name, a.cells.Place)
		})
	}
	a.keys.Use(a.usedCerts(), false)
	if c.Status.Path != "" {
		if c.Status.State == control.ConfigPending { // what was held is to be read, and held, again
			c.Hash = [32]byte{}
		}
		a.watchFile(configFile{path: c.Status.Path, hash: c.Hash})
	}
	a.background(a.monitor.Run)
	a.background(a.endpoints.PublishCounts)
	a.background(a.watchCerts)
	a.background(a.retryState)
	a.background(a.reopenFailed)
	return a, nil
}

// orphanTimeout is how long the workers serve on without a master.
func (c *carried) orphanTimeout() (longest time.Duration) {
	running, _, err := c.configs()
	if err != nil {
		return 0
	}
	for _, l := range running.Listeners {
		longest = max(longest, time.Duration(l.Prefork.OrphanTimeout))
	}
	return longest
}
