package change

import (
	"context"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
)

// watchCerts brings changed certificates into service.
func (e *Engine) watchCerts(ctx context.Context) {
	tick := time.NewTicker(certs.LookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if e.keys.Rotate(time.Now()) {
			if err := e.reapply(ctx); err != nil && ctx.Err() == nil {
				e.events.Error("", message.TicketKeysFailed, err)
			}
		}
		_ = e.renewAll(ctx, Turn{}) // what has not had its turn is found again
	}
}

// renewAll brings into service what the files of certificates hold now, in turns of
// whoever asks for it.
func (e *Engine) renewAll(ctx context.Context, who Turn) error {
	who.Yields = true
	for _, r := range e.keys.Look(ctx) {
		if !r.IsRenewed() {
			e.events.Warn("", message.CertificateRefused, e.usersOf(r.Files), r.Message)
			continue
		}
		if err := e.renew(ctx, r, who); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// renew has a renewed certificate served. An error means that its turn has not
// come: the next look at the files finds it again.
func (e *Engine) renew(ctx context.Context, r certs.Renewal, who Turn) error {
	ctx, unlock, err := e.lock(ctx, turn{Turn: who})
	if err != nil {
		return err
	}
	defer unlock()
	back := e.keys.Renew(r)
	if back == nil {
		return nil
	}
	users := e.usersOf(r.Files)
	if err = e.bringUpToDate(ctx); err == nil {
		e.events.Info("", message.CertificateServed, users, r.Files.CertFile)
		return nil
	}
	if ctx.Err() != nil {
		back(nil)
		return turnEnded(ctx)
	}
	back(err)
	e.events.Error("", message.CertificateRefused, users, certs.ServesOld+err.Error())
	return nil
}

// usersOf names the listeners that serve a pair, as a part of a message.
func (e *Engine) usersOf(files config.TLS) string {
	var names []string
	running := e.ledger.View().Running
	for _, name := range sortedKeys(running.Listeners) {
		if c := running.Listeners[name]; c.Enabled && c.TLS != nil && *c.TLS == files {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// bringUpToDate has all that serve use what is not in the config. Callers have the turn.
func (e *Engine) bringUpToDate(ctx context.Context) error {
	_, err := e.commit(ctx, transaction{to: e.ledger.View().Running})
	return err
}

// reapply brings what runs up to date with what is not in the config.
func (e *Engine) reapply(ctx context.Context) error {
	ctx, unlock, err := e.lock(ctx, turn{})
	if err != nil {
		return err
	}
	defer unlock()
	return e.bringUpToDate(ctx)
}
