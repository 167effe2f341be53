package runtime

import (
	"fmt"
	"slices"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// keptEdits is for how many revisions it is known which paths they changed.
const keptEdits = 1000

// keptPaths is how many paths of one revision are kept; more of them count as all.
const keptPaths = 256

// edited tells which paths a revision changed, and who did.
type edited struct {
	revision uint64
	actor    string
	paths    []string
	all      bool // too many to name
}

// edits of the newest revisions, oldest first.
type edits []edited

func (all edits) add(revision uint64, actor string, changes []config.Change) edits {
	e := edited{revision: revision, actor: actor, all: len(changes) > keptPaths}
	for _, c := range changes[:min(len(changes), keptPaths)] {
		e.paths = append(e.paths, c.Path)
	}
	if len(all) == keptEdits {
		all = slices.Clone(all[keptEdits/2:])
	}
	return append(all, e)
}

// conflict reports an error if a change is based on a state in which one of
// the values that it changes was another one. Changes of other values since then
// are none of its business. A whole config changes every value.
func (a *App) conflict(v view, c control.Change) error {
	if c.Base == 0 || c.Base == v.revision {
		return nil
	}
	a.mu.RLock()
	known := a.edited
	a.mu.RUnlock()
	if c.Base > v.revision || len(known) == 0 || known[0].revision > c.Base+1 {
		return conflictError(c.Base, v.revision, v.lastActor, "")
	}
	for _, e := range known {
		if e.revision <= c.Base || e.revision > v.revision {
			continue
		}
		if c.Config != "" || e.all {
			return conflictError(c.Base, v.revision, e.actor, "")
		}
		for _, path := range e.paths {
			if touches(c.Patch, path) {
				return conflictError(c.Base, v.revision, e.actor, path)
			}
		}
	}
	return nil
}

// conflictError tells who changed what; path is empty if that is not known.
func conflictError(base, now uint64, who, path string) *control.Error {
	if path == "" {
		path = "the state"
	}
	if who != "" {
		who = " by " + who
	}
	return &control.Error{Code: control.CodeConflict, Message: fmt.Sprintf(
		"%s was changed%s: your change is based on revision %d, the current one is %d; look again and retry", path, who, base, now)}
}
