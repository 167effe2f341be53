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
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
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

func (a *applier) readFile(ctx context.Context, path string, read reading) (configFile, error) {
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
func (a *applier) watchFile(loaded configFile) {
	a.background(func(ctx context.Context) {
		err := watch.File(ctx, loaded.path, watch.Options{
			Known: loaded.hash, Seen: a.seenFile,
			Warn: func(text string) { a.events.Add(control.Event{Level: control.LevelWarn, Message: text}) },
		}, a.saved)
		if err != nil {
			a.events.Error("", message.ConfigUnwatched, err)
		}
	})
}

// seenFile is the hash of the file as it was last read.
func (a *applier) seenFile() [sha256.Size]byte {
	a.fileMu.Lock()
	defer a.fileMu.Unlock()
	return a.fileHash
}

// sawFile notes it.
func (a *applier) sawFile(hash [sha256.Size]byte) {
	a.fileMu.Lock()
	defer a.fileMu.Unlock()
	a.fileHash = hash
}

// fileActor is who changes something when the file was saved.
const fileActor = "config file"

// saved is called with what the file holds once it has settled.
func (a *applier) saved(c watch.Content) {
	var cfg *config.Config
	wrong := c.Err
	if wrong == nil {
		cfg, wrong = parseConfig(a.ledger.View().Path(), c.Data)
	}
	save := change.Turn{Actor: fileActor}
	ctx, unlock, err := a.lock(a.ending, turn{Turn: save, to: func(v *ledger.View) *config.Config {
		if cfg == nil {
			return nil
		}
		to, _ := v.FileLeadsTo(cfg, false)
		return to
	}})
	if slowdisk.IsLate(err) {
		wrong = err
		ctx, unlock, err = a.lock(a.ending, turn{Turn: save})
	}
	if err != nil {
		return // shut down
	}
	defer unlock()
	a.sawFile(sha256.Sum256(c.Data))
	switch {
	case wrong != nil:
		a.refuse(control.Refused(wrong), fileActor)
	case a.ledger.View().OnTrial() != nil:
		a.carry(a.ledger.HoldForTrial(cfg))
	default:
		a.take(ctx, cfg)
	}
}

// take makes a saved file run, unless it has to be decided on first. Callers
// have the turn.
func (a *applier) take(ctx context.Context, cfg *config.Config) {
	v := a.ledger.View()
	to, _ := v.FileLeadsTo(cfg, false)
	if why := v.Removal(to, a.openConnections()); why != "" {
		a.carry(a.ledger.Hold(cfg, control.Held{Reason: why, Summary: a.steps.Plan(a.ledger.View(), to).Summary}))
		return
	}
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
func (a *applier) reload(ctx context.Context, action control.Action) (*control.Result, error) {
	path := a.ledger.View().Path()
	if path == "" && !action.Discard {
		return nil, control.Fail(control.CodeUnsupported, message.NothingToReload)
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
		turnCtx, unlock, err := a.lock(ctx, turn{Turn: by(action.Actor), to: func(v *ledger.View) *config.Config {
			to, _ := v.FileLeadsTo(read.config, action.Discard)
			return to
		}})
		if err != nil {
			return nil, err
		}
		if now := a.seenFile(); path != "" && now != seen && now != read.hash {
			unlock() // it was saved again meanwhile, and that has taken effect
			continue
		}
		defer unlock()
		if err := a.ledger.View().OnTrial(); err != nil {
			return nil, err
		}
		if path == "" {
			return a.adopt(turnCtx, a.ledger.View().File, action.Actor, true)
		}
		if a.sawFile(read.hash); wrong != nil {
			return nil, a.refuse(control.Refused(wrong), action.Actor)
		}
		return a.adopt(turnCtx, read.config, action.Actor, action.Discard)
	}
}

// readConfig reads the config file, twice if need be: perhaps it is being saved.
func (a *applier) readConfig(ctx context.Context, path string) (configFile, error) {
	read, err := a.readFile(ctx, path, watch.Read)
	if err != nil && !slowdisk.IsLate(err) && ctx.Err() == nil {
		read, err = a.readFile(ctx, path, watch.ReadQuiet)
	}
	return read, err
}

// refuse keeps what runs and shows why until the file is good again.
func (a *applier) refuse(why *control.Error, actor string) *control.Error {
	why, effects := a.ledger.RefuseFile(why, actor)
	a.carry(effects)
	return why
}

// adopt makes what the file says run. What an operator changed since stays
// changed, except where the file changed too, or with discard. Callers have the turn.
func (a *applier) adopt(ctx context.Context, file *config.Config, actor string, discard bool) (*control.Result, error) {
	e := &ledger.Entry{File: file, Reloaded: true, Trigger: control.TriggerFile, Began: time.Now(), Change: control.Change{Actor: actor}}
	var dropped []string
	e.To, dropped = a.ledger.View().FileLeadsTo(file, discard)
	a.ledger.Applying()
	e.Told = actor != fileActor
	t := a.changed(e, nil)
	t.say = func(p *control.Plan) string {
		e.Message = reloadMessage(p.Changes, dropped)
		return p.Summary
	}
	out, err := a.commit(ctx, t)
	if err != nil && ctx.Err() != nil {
		return nil, turnEnded(ctx)
	}
	if err != nil {
		return nil, a.refuse(&control.Error{Code: control.CodeRefused, Message: err.Error()}, actor)
	}
	return a.result(out, e.Message), nil
}

func reloadMessage(changes []config.Change, dropped []string) string {
	message := "config reloaded, nothing changed"
	if n := len(changes); n > 0 {
		message = fmt.Sprintf("config reloaded, %s changed", words.Count(n, "value"))
	}
	if len(dropped) > 0 {
		message += "; the file overrides values set by hand: " + strings.Join(dropped, ", ")
	}
	return message
}
