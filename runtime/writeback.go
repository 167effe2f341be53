package runtime

import (
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// writeBack finds out whether edits can be made in the config file, touching
// nothing else in it. write makes them; what the file says, App.file, is then
// the new text, so that the watcher finds nothing to apply. Callers hold changeMu.
func (a *App) writeBack(config.Patch) (write func() error, err error) {
	return nil, &control.Error{Code: control.CodeUnsupported,
		Message: "this version does not write to the config file: leave out persist and edit the file by hand"}
}
