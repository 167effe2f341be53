package runtime

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// configFile is a config file as it was read in one go: what is parsed is what
// was hashed.
type configFile struct {
	path   string
	hash   [sha256.Size]byte
	config *config.Config
}

// reading is how a file is read: watch.Read or watch.ReadQuiet.
type reading func(path string) ([]byte, [sha256.Size]byte, error)

func (a *App) readFile(path string, read reading) (configFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return configFile{}, err
	}
	data, hash, err := read(path)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "read "+path+": ")
		return configFile{path: path}, config.Errors{{File: path, Message: reason, Hint: "to begin with one: rockstar-tui config init FILE"}}
	}
	cfg, err := config.Parse(path, data)
	return configFile{path: path, hash: hash, config: cfg}, err
}

// watchFile makes every save of the file take effect.
func (a *App) watchFile(loaded configFile) {
	a.background(func(ctx context.Context) {
		err := watch.File(ctx, loaded.path, watch.Options{
			Known: loaded.hash, Seen: a.seenFile, Log: a.log,
			Warn: func(message string) { a.events.warnf("", "%s", message) },
		}, a.saved)
		if err != nil {
			a.events.errorf("", "the config file is no longer watched: %v; reload it by hand", err)
		}
	})
}

// seenFile is the hash of the file as it was last read.
func (a *App) seenFile() [sha256.Size]byte {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.fileHash
}

// sawFile notes it.
func (a *App) sawFile(hash [sha256.Size]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fileHash = hash
}

// fileActor is who changes something when the file was saved.
const fileActor = "config file"

// saved is called with what the file holds once it has settled.
func (a *App) saved(c watch.Content) {
	unlock, err := a.lockAs(a.ctx, "")
	if err != nil {
		return // shut down
	}
	defer unlock()
	a.setChanging(changing{fileActor, time.Now()})
	a.sawFile(sha256.Sum256(c.Data))
	if c.Err != nil {
		a.refuse(&control.Error{Code: control.CodeRefused, Message: c.Err.Error()})
		return
	}
	cfg, err := config.Parse(a.status.Path, c.Data)
	if err != nil {
		a.refuse(refused(err))
		return
	}
	if a.onTrial() != nil {
		a.holdForTrial(cfg)
		return
	}
	a.take(cfg)
}

// take makes a saved file run, unless it has to be decided on first. Callers
// hold changeMu.
func (a *App) take(cfg *config.Config) {
	to, _ := merge(a.file, a.config, cfg)
	if why := a.removal(to); why != "" {
		a.hold(cfg, control.Held{Reason: why, Summary: a.plan(to).Summary})
		return
	}
	a.release()                           // what was held before is not in the file any more
	a.adopt(a.ctx, cfg, fileActor, false) // what fails is told by the status
}

// Reload reads the config file again and makes it what runs. What was changed by
// hand stays changed, see merge. An error leaves everything as it was, and stays
// in the status until the file is good again.
func (a *App) Reload(ctx context.Context) (*control.Result, error) {
	return a.Act(ctx, control.Action{Kind: control.Reload})
}

// reload is Reload by somebody. Callers hold changeMu.
func (a *App) reload(ctx context.Context, action control.Action) (*control.Result, error) {
	if err := a.onTrial(); err != nil {
		return nil, err
	}
	file := a.file
	if a.status.Path != "" {
		read, err := a.readFile(a.status.Path, watch.Read)
		if err != nil { // perhaps it is being saved
			read, err = a.readFile(a.status.Path, watch.ReadQuiet)
		}
		a.sawFile(read.hash)
		if err != nil {
			return nil, a.refuse(refused(err))
		}
		file = read.config
	} else if !action.Discard {
		return nil, &control.Error{Code: control.CodeUnsupported, Message: "there is no config file to reload: this runtime was started without one"}
	}
	return a.adopt(ctx, file, action.Actor, action.Discard)
}

// refused says that a file is not good enough to replace what runs.
func refused(err error) *control.Error {
	e := invalid(err)
	e.Code = control.CodeRefused
	return e
}

// refuse keeps what runs and shows why until the file is good again.
func (a *App) refuse(why *control.Error) *control.Error {
	a.mu.Lock()
	known := a.status.Error != nil && a.status.Error.Message == why.Message
	a.status.State, a.status.Error = control.ConfigRefused, why
	a.mu.Unlock()
	if !known {
		a.remember(control.Generation{
			Revision: a.currentRevision(), Time: time.Now(), Actor: a.actorNow(), Trigger: control.TriggerFile,
			Result: control.ResultRefused, Message: why.Message,
		}, nil)
		a.events.errorf("", "config refused, the old one keeps running: %s", why.Message)
	}
	return why
}

// adopt makes what the file says run. What an operator changed since stays
// changed, except where the file changed too, or with discard. Callers hold changeMu.
func (a *App) adopt(ctx context.Context, file *config.Config, actor string, discard bool) (*control.Result, error) {
	to, dropped := merge(a.file, a.config, file)
	if discard {
		to, dropped = file, nil
	}
	began := time.Now()
	a.release()
	a.setPending()
	changes, err := a.apply(ctx, to)
	if err != nil {
		return nil, a.refuse(&control.Error{Code: control.CodeRefused, Message: err.Error()})
	}
	a.mu.Lock()
	recovered := a.status.Error != nil
	a.file = file
	a.status.State, a.status.Error, a.status.LoadedAt = control.ConfigInSync, nil, time.Now()
	a.status.Fallback = 0
	if len(changes) > 0 {
		a.lastActor = actor
	}
	a.mu.Unlock()
	a.note(control.Change{Actor: actor})
	message := reloadMessage(changes, dropped)
	result := &control.Result{Revision: a.currentRevision(), Changes: changes, Message: message}
	if len(changes) > 0 {
		d := deed{trigger: control.TriggerFile, change: control.Change{Actor: actor}}
		g := d.entry(control.ResultApplied, message, changes, began)
		g.Revision = result.Revision
		result.Generation = a.remember(g, to)
	}
	if len(changes) > 0 || recovered || actor != fileActor {
		a.events.add(control.Event{Level: control.LevelInfo, Actor: actor, Message: message})
	}
	return result, nil
}

func (a *App) setPending() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status.State = control.ConfigPending
}

func reloadMessage(changes []config.Change, dropped []string) string {
	message := "config reloaded, nothing changed"
	if n := len(changes); n > 0 {
		message = fmt.Sprintf("config reloaded, %s changed", plural(n, "value"))
	}
	if len(dropped) > 0 {
		message += "; the file wins over what was set by hand: " + strings.Join(dropped, ", ")
	}
	return message
}

// merge carries what an operator changed (base to running) over to a new file
// (base to file). Where both changed the same value, the file wins and the path
// is returned among the dropped.
func merge(base, running, file *config.Config) (to *config.Config, dropped []string) {
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
	for _, c := range changes {
		if c.Path == path || strings.HasPrefix(c.Path, path+".") || strings.HasPrefix(path, c.Path+".") {
			return true
		}
	}
	return false
}
