package controltest

import (
	"slices"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// clone copies everything that a step or an edit changes in place.
func clone(s *control.Snapshot) *control.Snapshot {
	c := *s
	c.Config.Overrides = slices.Clone(s.Config.Overrides)
	c.Config.Edits = slices.Clone(s.Config.Edits)
	c.Events = slices.Clone(s.Events)
	c.Listeners = slices.Clone(s.Listeners)
	for i := range c.Listeners {
		l := &c.Listeners[i]
		l.Workers = slices.Clone(l.Workers)
		l.History = slices.Clone(l.History)
	}
	c.Pools = slices.Clone(s.Pools)
	for i := range c.Pools {
		c.Pools[i].Backends = slices.Clone(c.Pools[i].Backends)
	}
	return &c
}
