package upgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// format is the version of State. It changes when an older program would
// misunderstand a newer one, or the other way round.
const format = 1

// State is all that a runtime leaves to the program that takes its place. It
// travels as JSON; descriptors travel as their numbers.
type State struct {
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

	Config     string               `json:"config"` // what runs
	File       string               `json:"file"`   // what the file said
	Hash       [32]byte             `json:"hash"`   // of the file
	Status     control.ConfigStatus `json:"status"`
	Generation uint64               `json:"revision"`
	LastActor  string               `json:"last_actor,omitempty"`
	Overrides  ledger.Overrides     `json:"notes,omitempty"`
	Past       ledger.Past          `json:"past"`

	Seq       uint64          `json:"seq"` // of events
	Events    []control.Event `json:"events"`
	Cells     map[string]int  `json:"cells"`
	Backends  []pool.Totals   `json:"backends"`
	Keys      certs.State     `json:"keys"`
	Listeners []listener      `json:"listeners"`
	Control   *socket.Kept    `json:"control"`

	// StandBy is the descriptor by which who stands by is told that all is well; 0
	// if nobody does.
	StandBy int `json:"stand_by,omitempty"`

	LastReceipt uint64               `json:"last_receipt,omitempty"`
	Receipts    []*endpoints.Receipt `json:"receipts,omitempty"`
}

// listener and its past.
type listener struct {
	endpoints.State
	monitor.Past
}

// listeners without their pasts.
func (s *State) listeners() (all []endpoints.State) {
	for _, l := range s.Listeners {
		all = append(all, l.State)
	}
	return all
}

// maxState bounds what is read of another program, in bytes.
const maxState = 256 << 20

// Read reads what another program hands over.
func Read(r io.Reader) (*State, error) {
	s := new(State)
	if err := json.NewDecoder(io.LimitReader(r, maxState)).Decode(s); err != nil {
		return nil, fmt.Errorf("the state of the running program is not understood: %w", err)
	}
	return s, nil
}

// check tells whether this program can go on with s.
func (s *State) check() error {
	switch {
	case s.Format != format:
		return fmt.Errorf("the running program hands over by format %d, this one takes %d: stop it and start this one", s.Format, format)
	case !scoreboard.Readable(s.BoardFormat, s.Board):
		return errors.New("the running workers count in another layout than this program: stop it and start this one")
	}
	if _, err := prefork.Ours().Agree(prefork.Capabilities{Protocol: s.Protocol, Latest: s.ProtocolLatest}); err != nil {
		return fmt.Errorf("%w: stop it and start this one", err)
	}
	_, _, err := s.Configs()
	return err
}

// Configs are what runs and what the config file said.
func (s *State) Configs() (running, file *config.Config, err error) {
	if running, err = config.Parse(s.Status.Path, []byte(s.Config)); err != nil {
		return nil, nil, fmt.Errorf("the running config is not valid for this program: %s", control.Invalid(err).Message)
	}
	if file, err = config.Parse(s.Status.Path, []byte(s.File)); err != nil {
		return nil, nil, fmt.Errorf("the config file as last read is not valid for this program: %s", control.Invalid(err).Message)
	}
	return running, file, nil
}

// orphanTimeout is how long the workers serve on without a master.
func (s *State) orphanTimeout() (longest time.Duration) {
	running, _, err := s.Configs()
	if err != nil {
		return 0
	}
	for _, l := range running.Listeners {
		longest = max(longest, time.Duration(l.Prefork.OrphanTimeout))
	}
	return longest
}
