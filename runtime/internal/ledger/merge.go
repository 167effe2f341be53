package ledger

import (
	"slices"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// Merge carries what was changed by hand (base to running) over to a new file
// (base to file). Where both changed the same value, the file wins, and the path
// is returned among the dropped ones.
func Merge(base, running, file *config.Config) (to *config.Config, dropped []string) {
	theirs := config.Diff(base, file)
	var keep []config.Change
	for _, mine := range config.Diff(base, running) {
		if overlaps(mine.Path, theirs) {
			if value, ok := file.Get(mine.Path); !ok || value != mine.To {
				dropped = append(dropped, mine.Path)
			}
			continue
		}
		keep = append(keep, mine)
	}
	to, err := file.With(config.PatchOf(keep))
	if err == nil {
		return to, dropped
	}
	// What was set by hand no longer fits the file as a whole.
	for _, c := range keep {
		dropped = append(dropped, c.Path)
	}
	return file, dropped
}

// overlaps reports whether a path, or something above or below it, is among changes.
func overlaps(path string, changes []config.Change) bool {
	return slices.ContainsFunc(changes, func(c config.Change) bool { return related(c.Path, path) })
}
