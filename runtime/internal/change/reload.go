package change

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// fileActor is who changes something when the file was saved.
const fileActor = "config file"

// saved is called with what the file holds once it has settled.
func (e *Engine) saved(c watch.Content) {
	var cfg *config.Config
	wrong := c.Err
	if wrong == nil {
		cfg, wrong = parseConfig(e.ledger.View().Path(), c.Data)
	}
	save := Turn{Actor: fileActor}
	ctx, unlock, err := e.lock(e.ending, turn{Turn: save, to: func(v *ledger.View) *config.Config {
		if cfg == nil {
			return nil
		}
		to, _ := v.FileLeadsTo(cfg, false)
		return to
	}})
	if err != nil { // what it needs from the disk cannot be had now, or the runtime is shut down
		wrong = err
		ctx, unlock, err = e.lock(e.ending, turn{Turn: save})
	}
	if err != nil {
		return // shut down
	}
	defer unlock()
	e.sawFile(sha256.Sum256(c.Data))
	switch {
	case wrong != nil:
		e.refuse(control.Refused(wrong), fileActor)
	case e.ledger.View().OnTrial() != nil:
		e.carry(e.ledger.HoldForTrial(cfg))
	default:
		e.take(ctx, cfg)
	}
}

// take makes a saved file run, unless it has to be decided on first. Callers
// have the turn.
func (e *Engine) take(ctx context.Context, cfg *config.Config) {
	v := e.ledger.View()
	to, _ := v.FileLeadsTo(cfg, false)
	if why := v.Removal(to, e.openConnections()); why != "" {
		e.carry(e.ledger.Hold(cfg, control.Held{Reason: why, Summary: e.steps.Plan(v, to).Summary}))
		return
	}
	e.adopt(ctx, cfg, fileActor, false) // what fails is told by the status
}

// reload reads the config file again and makes it what runs. What was changed by
// hand stays changed, except where the file changed too. An error leaves everything
// as it was, and stays in the status until the file is good again. The file is read
// before its turn has come: it may be on a disk that hangs.
func (e *Engine) reload(ctx context.Context, action control.Action) (*control.Result, error) {
	path := e.ledger.View().Path()
	if path == "" && !action.Discard {
		return nil, control.Fail(control.CodeUnsupported, message.NothingToReload)
	}
	ctx, done := e.untilEnd(ctx)
	defer done()
	for {
		read, wrong, seen := configFile{}, error(nil), e.SeenFile()
		if path != "" {
			read, wrong = e.readConfig(ctx, path)
		}
		if ctx.Err() != nil {
			return nil, turnEnded(ctx)
		}
		turnCtx, unlock, err := e.lock(ctx, turn{Turn: e.by(action.Actor), to: func(v *ledger.View) *config.Config {
			to, _ := v.FileLeadsTo(read.config, action.Discard)
			return to
		}})
		if err != nil {
			return nil, err
		}
		if now := e.SeenFile(); path != "" && now != seen && now != read.hash {
			unlock() // it was saved again meanwhile, and that has taken effect
			continue
		}
		defer unlock()
		if err := e.ledger.View().OnTrial(); err != nil {
			return nil, err
		}
		if path == "" {
			return e.adopt(turnCtx, e.ledger.View().File, action.Actor, true)
		}
		if e.sawFile(read.hash); wrong != nil {
			return nil, e.refuse(control.Refused(wrong), action.Actor)
		}
		return e.adopt(turnCtx, read.config, action.Actor, action.Discard)
	}
}

// refuse keeps what runs and shows why until the file is good again.
func (e *Engine) refuse(why *control.Error, actor string) *control.Error {
	why, effects := e.ledger.RefuseFile(why, actor)
	e.carry(effects)
	return why
}

// adopt makes what the file says run. What an operator changed since stays
// changed, except where the file changed too, or with discard. Callers have the turn.
func (e *Engine) adopt(ctx context.Context, file *config.Config, actor string, discard bool) (*control.Result, error) {
	entry := &ledger.Entry{File: file, Reloaded: true, Trigger: control.TriggerFile, Began: time.Now(), Change: control.Change{Actor: actor}}
	var dropped []string
	entry.To, dropped = e.ledger.View().FileLeadsTo(file, discard)
	e.ledger.Applying()
	entry.Told = actor != fileActor
	t := e.changed(entry, nil)
	t.say = func(p *control.Plan) string {
		entry.Message = reloadMessage(p.Changes, dropped)
		return p.Summary
	}
	out, err := e.commit(ctx, t)
	if err != nil && ctx.Err() != nil {
		return nil, turnEnded(ctx)
	}
	if err != nil {
		return nil, e.refuse(&control.Error{Code: control.CodeRefused, Message: err.Error()}, actor)
	}
	return e.result(out, entry.Message), nil
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
