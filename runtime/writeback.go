package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// writeBack finds out whether edits can be made in the config file, touching
// nothing else in it. write makes them; what the file says, App.file, is then
// the new text, so that the watcher finds nothing to apply. Callers hold changeMu.
func (a *App) writeBack(p config.Patch) (write func() error, err error) {
	path := a.status.Path
	switch {
	case path == "":
		return nil, &control.Error{Code: control.CodeUnsupported, Message: "there is no config file to write to: this runtime was started without one"}
	case len(p) == 0:
		return nil, &control.Error{Code: control.CodeInvalid, Message: "only edits can be written to the config file; save a whole config yourself"}
	}
	was, err := os.ReadFile(path)
	if err != nil {
		return nil, notWritten(err)
	}
	if is, err := config.Parse(path, was); err != nil || !is.Equal(a.file) {
		return nil, &control.Error{Code: control.CodeConflict, Message: path + " was changed and is not what runs: reload or mend it first"}
	}
	now, err := config.Rewrite(path, was, a.asWritten(p))
	if err != nil {
		return nil, refused(err)
	}
	file, err := config.Parse(path, now)
	if err != nil {
		return nil, refused(err)
	}
	return func() error {
		staged, err := config.Stage(path, was, now)
		if err != nil {
			return notWritten(err)
		}
		failpoint("staged")
		if err := staged.Commit(); err != nil {
			return notWritten(err)
		}
		failpoint("written")
		a.mu.Lock()
		defer a.mu.Unlock()
		a.file = file
		return nil
	}, nil
}

// asWritten leaves out edits that take from the file what it does not say.
func (a *App) asWritten(p config.Patch) (out config.Patch) {
	for _, e := range p {
		if e.Unset {
			if _, err := a.file.With(config.Patch{e}); err != nil {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

func notWritten(err error) *control.Error {
	code := control.CodeRefused
	if errors.Is(err, config.ErrFileChanged) {
		code = control.CodeConflict
	}
	return &control.Error{Code: code, Message: fmt.Sprintf("the config file is not written: %v", err)}
}

// fileName is how the config file is called in messages.
func (a *App) fileName() string { return filepath.Base(a.status.Path) }
