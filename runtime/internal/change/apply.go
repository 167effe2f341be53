package change

import (
	"context"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
)

// Plan tells what a change would do. It connects to backends, binds addresses and
// reads files, which takes time: it looks at the state of one moment and keeps
// nobody from changing it.
func (e *Engine) Plan(ctx context.Context, c control.Change) (*control.Plan, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	v := e.ledger.View()
	to, err := v.Want(c, e.wholeConfig(c))
	if err != nil {
		return nil, err
	}
	if err := e.keys.Load(ctx, to); err != nil {
		return nil, err
	}
	p, err := e.steps.Try(ctx, v, to)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &control.Error{Code: control.CodeRefused, Message: err.Error()}
	}
	return p, nil
}

// Apply carries out a change.
func (e *Engine) Apply(ctx context.Context, c control.Change) (*control.Result, error) {
	was, whole := e.readToWrite(ctx, c.Persist), e.wholeConfig(c)
	ctx, unlock, err := e.lock(ctx, turn{Turn: e.by(c.Actor), to: func(v *ledger.View) *config.Config {
		to, _ := v.Want(c, whole) // what is wrong with it is told when its turn has come
		return to
	}})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := e.ledger.View().OnTrial(); err != nil {
		return nil, err
	}
	to, err := e.ledger.View().Want(c, whole)
	if err != nil {
		return nil, err
	}
	if err := e.startAgain(ctx, c.Patch); err != nil {
		return nil, err
	}
	entry := &ledger.Entry{To: to, Trigger: control.TriggerChange, Change: c, Began: time.Now()}
	var write func() error
	written := ""
	if c.Persist {
		file, writeFile, err := e.writeBack(ctx, was, c.Patch)
		if err != nil {
			return nil, err
		}
		if c.Confirm == 0 {
			entry.File, write, written = file, writeFile, "; written to "+e.fileName()
		} else { // the file is written when it is confirmed
			written = "; to be written to " + e.fileName() + " when confirmed"
		}
	}
	t := e.changed(entry, func(p *control.Plan) string {
		entry.Text = message.Message{Code: p.Code, Args: p.Args, Text: p.Summary}
		return p.Summary + written
	})
	if t.last = write; c.Confirm != 0 {
		return e.try(ctx, t, entry)
	}
	return e.change(ctx, t, entry)
}

// wholeConfig parses the config of a change when it is first asked for: a large one
// takes seconds, and is not parsed again while others wait.
func (e *Engine) wholeConfig(c control.Change) func() (*config.Config, error) {
	return sync.OnceValues(func() (*config.Config, error) {
		return parseConfig(e.ledger.View().Path(), []byte(c.Config))
	})
}
