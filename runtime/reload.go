package runtime

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
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

func (a *App) readFile(ctx context.Context, path string, read reading) (configFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return configFile{}, err
	}
	type content struct {
		data []byte
		hash [sha256.Size]byte
	}
	c, err := slowdisk.Within(ctx, &a.files, path, slowdisk.ConfigTimeout, func() (content, error) {
		data, hash, err := read(path)
		return content{data, hash}, err
	})
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "read "+path+": ")
		return configFile{path: path}, config.Errors{{File: path, Message: reason, Hint: "to begin with one: rockstar-tui config init FILE"}}
	}
	cfg, err := parseConfig(path, c.data)
	return configFile{path: path, hash: c.hash, config: cfg}, err
}

// watchFile makes every save of the file take effect.
func (a *App) watchFile(loaded configFile) {
	a.background(func(ctx context.Context) {
		err := watch.File(ctx, loaded.path, watch.Options{
			Known: loaded.hash, Seen: a.seenFile,
			Warn: func(message string) { a.events.Warnf("", "%s", message) },
		}, a.saved)
		if err != nil {
			a.events.Errorf("", "the config file is no longer watched: %v; reload it by hand", err)
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
	var cfg *config.Config
	wrong := c.Err
	if wrong == nil {
		cfg, wrong = parseConfig(a.view().status.Path, c.Data)
	}
	ctx, unlock, err := a.lock(a.ending, turn{to: func(v view) *config.Config {
		if cfg == nil {
			return nil
		}
		return a.fileLeadsTo(v, cfg)
	}})
	if slowdisk.IsLate(err) {
		wrong = err
		ctx, unlock, err = a.lock(a.ending, turn{})
	}
	if err != nil {
		return // shut down
	}
	defer unlock()
	a.setChangingActor(fileActor)
	a.sawFile(sha256.Sum256(c.Data))
	switch {
	case wrong != nil:
		a.refuse(refused(wrong))
	case a.onTrial() != nil:
		a.holdForTrial(cfg)
	default:
		a.take(ctx, cfg)
	}
}

// take makes a saved file run, unless it has to be decided on first. Callers
// hold changeMu.
func (a *App) take(ctx context.Context, cfg *config.Config) {
	to, _ := merge(a.file, a.config, cfg)
	if why := a.removal(to); why != "" {
		a.hold(cfg, control.Held{Reason: why, Summary: a.plan(to).Summary})
		return
	}
	a.release()                         // what was held before is not in the file any more
	a.adopt(ctx, cfg, fileActor, false) // what fails is told by the status
}

// Reload reads the config file again and makes it what runs. What was changed by
// hand stays changed, see merge. An error leaves everything as it was, and stays
// in the status until the file is good again.
func (a *App) Reload(ctx context.Context) (*control.Result, error) {
	return a.Act(ctx, control.Action{Kind: control.Reload})
}

// reload is Reload by somebody. The file is read before its turn has come: it may
// be on a disk that hangs.
func (a *App) reload(ctx context.Context, action control.Action) (*control.Result, error) {
	path := a.view().status.Path
	if path == "" && !action.Discard {
		return nil, &control.Error{Code: control.CodeUnsupported, Message: "there is no config file to reload: this runtime was started without one"}
	}
	ctx, done := a.untilEnd(ctx)
	defer done()
	for {
		read, wrong, seen := configFile{}, error(nil), a.seenFile()
		if path != "" {
			read, wrong = a.readConfig(ctx, path)
		}
		if ctx.Err() != nil {
			return nil, turnEnded(ctx)
		}
		turnCtx, unlock, err := a.lock(ctx, turn{actor: orSomebody(action.Actor), to: func(v view) *config.Config {
			return a.fileLeadsTo(v, read.config)
		}})
		if err != nil {
			return nil, err
		}
		if now := a.seenFile(); path != "" && now != seen && now != read.hash {
			unlock() // it was saved again meanwhile, and that has taken effect
			continue
		}
		defer unlock()
		if err := a.onTrial(); err != nil {
			return nil, err
		}
		if path == "" {
			return a.adopt(turnCtx, a.file, action.Actor, true)
		}
		if a.sawFile(read.hash); wrong != nil {
			return nil, a.refuse(refused(wrong))
		}
		return a.adopt(turnCtx, read.config, action.Actor, action.Discard)
	}
}

// readConfig reads the config file, twice if need be: perhaps it is being saved.
func (a *App) readConfig(ctx context.Context, path string) (configFile, error) {
	read, err := a.readFile(ctx, path, watch.Read)
	if err != nil && !slowdisk.IsLate(err) && ctx.Err() == nil {
		read, err = a.readFile(ctx, path, watch.ReadQuiet)
	}
	return read, err
}

// fileLeadsTo is what runs when a file takes effect; without one, what the
// runtime was started with.
func (a *App) fileLeadsTo(v view, file *config.Config) *config.Config {
	if file == nil {
		return v.file
	}
	to, _ := merge(v.file, v.config, file)
	return to
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
		a.events.Errorf("", "config refused, the old one keeps running: %s", why.Message)
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
	p := a.planned(to)
	changes, id, err := a.carryOut(ctx, deed{to: to, plan: p, message: p.Summary, change: control.Change{Actor: actor}})
	if err != nil && ctx.Err() != nil {
		return nil, turnEnded(ctx)
	}
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
	result := &control.Result{ID: id, Revision: a.currentRevision(), Changes: changes, Message: message}
	if len(changes) > 0 {
		d := deed{trigger: control.TriggerFile, change: control.Change{Actor: actor}}
		g := d.entry(control.ResultApplied, message, changes, began)
		g.Revision = result.Revision
		result.Generation = a.remember(g, to)
	}
	if len(changes) > 0 || recovered || actor != fileActor {
		a.events.Add(control.Event{Level: control.LevelInfo, Actor: actor, Message: message})
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
		message = fmt.Sprintf("config reloaded, %s changed", words.Count(n, "value"))
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
