package change

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// writeBack finds out whether edits can be made in the config file, touching
// nothing else in it. write makes them; the file then says what is returned, so
// that the watcher finds nothing to apply once the ledger knows. Callers have the turn.
func (e *Engine) writeBack(ctx context.Context, read fileText, p config.Patch) (file *config.Config, write func() error, err error) {
	v := e.ledger.View()
	path := v.Path()
	switch {
	case path == "":
		return nil, nil, control.Fail(control.CodeUnsupported, message.NothingToWriteTo)
	case len(p) == 0:
		return nil, nil, control.Fail(control.CodeInvalid, message.OnlyEditsAreWritten)
	}
	was := read.text
	if read.err != nil {
		return nil, nil, notWritten(read.err)
	}
	if is, err := config.Parse(path, was); err != nil || !is.Equal(v.File) {
		return nil, nil, control.Fail(control.CodeConflict, message.FileDiffers, path)
	}
	now, err := config.Rewrite(path, was, asWritten(v.File, p))
	if err != nil {
		return nil, nil, control.Refused(err)
	}
	file, err = config.Parse(path, now)
	if err != nil {
		return nil, nil, control.Refused(err)
	}
	return file, func() error {
		if err := e.replaceFile(ctx, path, was, now); err != nil {
			return notWritten(err)
		}
		e.at("written")
		return nil
	}, nil
}

// fileText is what the config file held before a change, or why that is not known.
type fileText struct {
	text []byte
	err  error
}

// readToWrite reads the config file that is to be edited, if it is.
func (e *Engine) readToWrite(ctx context.Context, edited bool) (t fileText) {
	ctx, done := e.untilEnd(ctx)
	defer done()
	if path := e.ledger.View().Path(); edited && path != "" {
		t.text, t.err = slowdisk.Within(ctx, e.files, path, slowdisk.FileTimeout, func() ([]byte, error) { return slowdisk.Read(path, watch.MaxSize) })
	}
	return t
}

// replaceFile writes the config file. What has not come as far as to replace it in
// time is undone.
func (e *Engine) replaceFile(ctx context.Context, path string, was, now []byte) error {
	var decided atomic.Bool // by whoever comes first: the rename, or the end of the wait
	_, err := slowdisk.Within(ctx, e.files, path, slowdisk.FileTimeout, func() (struct{}, error) {
		staged, err := config.Stage(path, was, now)
		if err != nil {
			return struct{}{}, err
		}
		e.at("staged")
		if !decided.CompareAndSwap(false, true) {
			staged.Discard()
			return struct{}{}, nil
		}
		return struct{}{}, staged.Commit()
	})
	decided.Store(true)
	return err
}

// persists reports whether the trial under way is to be written to the file.
func (e *Engine) persists() bool {
	t := e.ledger.View().Trial
	return t != nil && t.Persist
}

// asWritten leaves out edits that take from the file what it does not say.
func asWritten(file *config.Config, p config.Patch) (out config.Patch) {
	for _, e := range p {
		if e.Unset {
			if _, err := file.With(config.Patch{e}); err != nil {
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
	return control.Fail(code, message.FileNotWritten, err)
}

// fileName is how the config file is called in messages.
func (e *Engine) fileName() string { return filepath.Base(e.ledger.View().Path()) }
