package ledger

import (
	"slices"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

const (
	// keptEdits is for how many generations it is known which paths they changed.
	keptEdits = 1000
	// keptPaths is how many paths of one generation are kept; more of them count as all.
	keptPaths = 256
)

// edit tells which paths a generation changed, and who did.
type edit struct {
	generation uint64
	actor      string
	paths      []string
	all        bool // too many to name
}

// edits of the newest generations, oldest first. They are never changed, only
// replaced; what is behind the end of a slice may be.
type edits []edit

func (all edits) add(generation uint64, actor string, changes []config.Change) edits {
	e := edit{generation: generation, actor: actor, all: len(changes) > keptPaths}
	for _, c := range changes[:min(len(changes), keptPaths)] {
		e.paths = append(e.paths, c.Path)
	}
	if len(all) == keptEdits {
		all = slices.Clone(all[keptEdits/2:])
	}
	return append(all, e)
}

// conflict reports an error if a change is based on a generation since which one
// of the values that it sets was changed. A whole config sets every value.
func (v *View) conflict(c control.Change) error {
	if c.Base == 0 || c.Base == v.Generation {
		return nil
	}
	if c.Base > v.Generation || len(v.edited) == 0 || v.edited[0].generation > c.Base+1 {
		return ConflictError(c.Base, v.Generation, v.LastActor, "")
	}
	for _, e := range v.edited {
		if e.generation <= c.Base {
			continue
		}
		if c.Config != "" || e.all {
			return ConflictError(c.Base, v.Generation, e.actor, "")
		}
		for _, path := range e.paths {
			if touches(c.Patch, path) {
				return ConflictError(c.Base, v.Generation, e.actor, path)
			}
		}
	}
	return nil
}

// ConflictError tells who changed what since base; path is empty if that is not known.
func ConflictError(base, now uint64, who, path string) *control.Error {
	if path == "" {
		path = "the state"
	}
	if who == "" {
		return control.Fail(control.CodeConflict, message.StateChanged, path, base, now)
	}
	return control.Fail(control.CodeConflict, message.StateChangedBy, path, who, base, now)
}
