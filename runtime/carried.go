package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// carriedFormat is the version of carried. It changes when an older program
// would misunderstand a newer one, or the other way round.
const carriedFormat = 1

// carried is all that a runtime leaves to the program that takes its place. It
// travels as JSON; descriptors travel as their numbers.
type carried struct {
	Format   int `json:"format"`
	Protocol int `json:"protocol"` // between master and workers
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
	Notes     notes                `json:"notes,omitempty"`
	Past      carriedPast          `json:"past"`

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

	LastReceipt uint64     `json:"last_receipt,omitempty"`
	Receipts    []*receipt `json:"receipts,omitempty"`
}

// carriedPast is the history of the desired state.
type carriedPast struct {
	Last    uint64               `json:"last"`
	Running uint64               `json:"running"`
	Entries []control.Generation `json:"entries"`
}

// carriedListener is the past of a listener, and its endpoint if it serves.
type carriedListener struct {
	Name     string            `json:"name"`
	GoneBy   listener.Totals   `json:"gone_by"`
	Seen     listener.Totals   `json:"seen"`
	Full     bool              `json:"full"`
	Trouble  string            `json:"trouble,omitempty"`
	Failed   string            `json:"failed,omitempty"`
	Crashes  uint64            `json:"crashes"`
	History  []control.Point   `json:"history,omitempty"`
	Position uint64            `json:"history_position,omitempty"` // of its newest point
	Recent   []listener.Totals `json:"recent,omitempty"`
	Endpoint *carriedEndpoint  `json:"endpoint,omitempty"`
}

type carriedEndpoint struct {
	Sockets *sockets.Frozen    `json:"sockets"`
	QUIC    *listener.QUICKeys `json:"quic,omitempty"`
	Workers *prefork.Frozen    `json:"workers"`
	// InProcess tells that the master serves it, but for a caretaker meanwhile.
	InProcess bool `json:"in_process,omitempty"`
}

// maxCarriedPoints bounds what is carried of all histories together.
const maxCarriedPoints = 1 << 19

// describe is what there is to carry beside descriptors and secrets. Callers
// hold changeMu.
func (a *App) describe() *carried {
	a.mu.RLock()
	c := &carried{
		Format: carriedFormat, Protocol: prefork.Protocol, Board: scoreboard.Layout, BoardFormat: scoreboard.Format,
		Started: a.started,
		Config:  string(a.config.YAML()), File: string(a.file.YAML()), Hash: a.fileHash,
		Status: a.status, Revision: a.revision, LastActor: a.lastActor, Notes: a.notes,
	}
	a.mu.RUnlock()
	c.Past = a.generations.describe()
	c.LastReceipt, c.Receipts = a.receipts.describe()
	c.Seq, c.Events = a.events.All()
	c.Cells, c.Backends = a.cells.State()
	all := a.sortedListeners()
	for _, m := range all {
		c.Listeners = append(c.Listeners, m.describe(maxCarriedPoints/len(all)))
	}
	return c
}

func (m *managed) describe(points int) carriedListener {
	m.mu.Lock()
	defer m.mu.Unlock()
	return carriedListener{
		Name: m.name, GoneBy: m.goneBy, Seen: m.seen, Full: m.full, Trouble: m.trouble, Failed: m.failed, Crashes: m.crashes.Load(),
		History: m.history.last(points), Position: m.history.position, Recent: m.recent,
	}
}

// check tells whether this program can go on with c. It is asked in a trial, by
// the program that is to be replaced.
func (c *carried) check() error {
	switch {
	case c.Format != carriedFormat:
		return fmt.Errorf("the running program hands over by format %d, this one takes %d: stop it and start this one", c.Format, carriedFormat)
	case c.Protocol != prefork.Protocol:
		return fmt.Errorf("the running workers speak version %d to their master, this program speaks %d: stop it and start this one", c.Protocol, prefork.Protocol)
	case !scoreboard.Readable(c.BoardFormat, c.Board):
		return errors.New("the running workers count in another layout than this program: stop it and start this one")
	}
	_, _, err := c.configs()
	return err
}

// configs are what runs and what the file said.
func (c *carried) configs() (running, file *config.Config, err error) {
	if running, err = config.Parse(c.Status.Path, []byte(c.Config)); err != nil {
		return nil, nil, fmt.Errorf("what runs is not valid for this program: %s", invalid(err).Message)
	}
	if file, err = config.Parse(c.Status.Path, []byte(c.File)); err != nil {
		return nil, nil, fmt.Errorf("what the config file said is not valid for this program: %s", invalid(err).Message)
	}
	return running, file, nil
}

// resume is Open for what another program has left. It returns with changeMu
// held, and with the listeners that the caller still has to bring up to date.
func resume(o Options, c *carried) (*App, error) {
	running, file, err := c.configs()
	if err != nil {
		return nil, err
	}
	a := newApp(o)
	a.state.open(o, a.events)
	a.changeMu.Lock()
	a.started, a.config, a.file, a.fileHash = c.Started, running, file, c.Hash
	a.status, a.revision, a.lastActor = c.Status, c.Revision, c.LastActor
	a.events.Resume(c.Seq, c.Events)
	a.cells.Restore(c.Cells, c.Backends)
	a.generations.load(c.Past.Entries)
	a.generations.last, a.generations.running = c.Past.Last, c.Past.Running
	a.notes = c.Notes
	a.receipts.last, a.receipts.all = c.LastReceipt, c.Receipts
	a.note(control.Change{})
	a.keys.Restore(c.Keys)
	for _, l := range c.Listeners {
		a.listeners[l.Name] = a.resumeListener(l)
	}
	a.keys.Use(a.usedCerts(), false)
	if a.status.Path != "" {
		if c.Status.State == control.ConfigPending { // what was held is to be read, and held, again
			c.Hash = [32]byte{}
		}
		a.watchFile(configFile{path: a.status.Path, hash: c.Hash})
	}
	a.background(a.sample)
	a.background(a.publish)
	a.background(a.watchCerts)
	a.background(a.retryState)
	a.background(a.reopenFailed)
	return a, nil
}

func (a *App) resumeListener(l carriedListener) *managed {
	m := &managed{name: l.Name, events: a.events, goneBy: l.GoneBy, seen: l.Seen,
		full: l.Full, trouble: l.Trouble, failed: l.Failed, recent: l.Recent}
	for _, p := range l.History {
		m.history.push(p, time.Now())
	}
	if len(l.History) > 0 {
		m.history.position = cmp.Or(l.Position, uint64(time.Now().Unix()))
	}
	m.crashes.Store(l.Crashes)
	m.config = a.config.Listeners[l.Name]
	if l.Endpoint == nil {
		return m
	}
	e, err := a.resumeEndpoint(m, l.Endpoint)
	if err != nil {
		a.events.Errorf(m.name, "not taken over from the program before: %v", err)
		m.failed = err.Error() // and is opened anew
		return m
	}
	m.current = e
	return m
}

// resumeEndpoint goes on with an endpoint. If its workers cannot be adopted,
// others take their place.
func (a *App) resumeEndpoint(m *managed, c *carriedEndpoint) (*endpoint, error) {
	s, err := a.settingsFor(a.config, m.name, a.cells.Place)
	if err != nil {
		return nil, err
	}
	if c.InProcess {
		s = byCaretaker(s)
	}
	e := &endpoint{name: m.name, log: a.log, event: m.onWorker, alone: a.alone, orphanDir: a.orphanDir, settings: s}
	e.gone = func(b *scoreboard.Board) { a.gone(m, b) }
	if e.sockets, err = adoptSockets(c); err != nil {
		return nil, err
	}
	if s, ok := e.sockets.(steerable); ok {
		s.Measure(e.tenants)
	}
	if common, err := c.Workers.MapCommon(); err == nil {
		e.admission, err = serving.AdmissionOver(common)
		if err != nil {
			return nil, err
		}
	} else if err := e.share(); err != nil {
		return nil, err
	}
	if e.group, err = prefork.Adopt(e.groupConfig(s), c.Workers); err == nil {
		e.retain()
		return e, nil
	}
	a.events.Errorf(m.name, "new workers take over: %v", err)
	ctx, cancel := context.WithTimeout(a.ctx, startTimeout)
	defer cancel()
	return e, e.startGroup(ctx, s)
}

func adoptSockets(c *carriedEndpoint) (socketSet, error) {
	if c.QUIC == nil {
		return orNil(sockets.Adopt(c.Sockets))
	}
	s, err := sockets.AdoptPackets(c.Sockets)
	if err != nil {
		return nil, err
	}
	return &packets{s, *c.QUIC}, nil
}

// byCaretaker is s with one worker in the place of the master.
func byCaretaker(s settings) settings {
	s.Listener.Prefork.Workers = 1
	return s
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
