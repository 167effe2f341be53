package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// PendingFile is a config file that is good but not applied yet.
type PendingFile struct {
	control.Held
	File *config.Config
}

// Hold keeps a good file until somebody decides, or until the trial under way is
// over. A file that says the same as the one before is not held.
func (l *Ledger) Hold(file *config.Config, h control.Held) Effects {
	v := l.next()
	h.Since, h.Changes = l.now(), config.Diff(v.File, file)
	if len(h.Changes) == 0 { // saved again as it was
		v.Pending = nil
		v.setFileState(control.ConfigInSync, nil)
		l.set(v)
		return Effects{}
	}
	v.Pending = &PendingFile{h, file}
	v.setFileState(control.ConfigPending, nil)
	l.set(v)
	return Effects{Events: []control.Event{warn(message.FileWaits, h.Reason)}}
}

// HoldForTrial holds a file that was saved during a trial: applied at once it
// would change what is on trial, and be gone when that is taken back.
func (l *Ledger) HoldForTrial(file *config.Config) Effects {
	return l.Hold(file, control.Held{Trial: true, Reason: "it waits for the end of the trial"})
}

// Release returns the file that is held, and holds it no more; nil if none is.
func (l *Ledger) Release() *config.Config {
	v := l.next()
	if v.Pending == nil {
		return nil
	}
	file := v.Pending.File
	v.Pending = nil
	l.set(v)
	return file
}

// Reject leaves the file that is held unapplied until it is saved again.
func (l *Ledger) Reject(a control.Action) (told string, e Effects, err error) {
	if l.Release() == nil {
		return "", Effects{}, errNothingHeld
	}
	left := message.New(message.FileRejected, OrSomebody(a.Actor))
	why := message.Because(left, a.Reason)
	_, e = l.RefuseFile(&control.Error{Code: control.CodeRefused, Message: why.Text, MessageCode: why.Code, Args: why.Args}, a.Actor)
	return left.Text, e, nil
}

var errNothingHeld = control.Fail(control.CodeNotFound, message.NothingHeld)

// Held is the file that waits for a decision; an error if there is none, or if it
// waits for the end of a trial.
func (v *View) Held() (*config.Config, error) {
	if err := v.OnTrial(); err != nil {
		return nil, err
	}
	if v.Pending == nil {
		return nil, errNothingHeld
	}
	return v.Pending.File, nil
}

// Removal tells why a saved file waits for a decision before it leads to such a
// config; empty if it need not. open counts the connections of the listeners.
func (v *View) Removal(to *config.Config, open map[string]uint64) string {
	if to.Reload.OnRemoval != config.HoldRemoval {
		return ""
	}
	var gone, busy []string
	connections := uint64(0)
	for _, name := range slices.Sorted(maps.Keys(v.Running.Listeners)) {
		if _, stays := to.Listeners[name]; stays {
			continue
		}
		gone = append(gone, name)
		if n := open[name]; n > 0 {
			busy, connections = append(busy, name), connections+n
		}
	}
	switch {
	case len(busy) > 0:
		return fmt.Sprintf("it removes %s, with %s open", strings.Join(busy, ", "), words.Count(int(connections), "connection"))
	case len(gone)*2 > len(v.Running.Listeners):
		return fmt.Sprintf("it removes %d of %s", len(gone), words.Count(len(v.Running.Listeners), "listener"))
	}
	return ""
}
