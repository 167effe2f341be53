package certs

import (
	"maps"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// State is what a store holds, for another program to go on with.
type State struct {
	Tickets map[string][][32]byte `json:"tickets,omitempty"`
	Rotated time.Time             `json:"rotated"`
	Pairs   []StatePair           `json:"pairs,omitempty"`
}

// StatePair is a certificate in use.
type StatePair struct {
	Files     config.TLS
	Cert, Key []byte
}

// State of the store.
func (k *Store) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := State{Tickets: maps.Clone(k.tickets), Rotated: k.rotated}
	for files, p := range k.pairs {
		s.Pairs = append(s.Pairs, StatePair{files, p.cert, p.key})
	}
	return s
}

// Restore goes on with what another store held.
func (k *Store) Restore(s State) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotated = s.Rotated
	for name, keys := range s.Tickets {
		k.tickets[name] = keys
	}
	for _, p := range s.Pairs {
		k.pairs[p.Files] = newPair(p.Files, p.Cert, p.Key)
	}
}
