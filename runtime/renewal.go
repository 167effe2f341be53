package runtime

import (
	"context"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
)

// watchCerts brings changed certificates into service.
func (a *applier) watchCerts(ctx context.Context) {
	tick := time.NewTicker(certs.LookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if a.keys.Rotate(time.Now()) {
			if err := a.reapply(ctx); err != nil && ctx.Err() == nil {
				a.events.Error("", message.TicketKeysFailed, err)
			}
		}
		_ = a.renewAll(ctx) // what has not had its turn is found again
	}
}

// renewAll brings into service what the files of certificates hold now.
func (a *applier) renewAll(ctx context.Context) error {
	for _, r := range a.keys.Look(ctx) {
		if !r.IsRenewed() {
			a.events.Warn("", message.CertificateRefused, a.usersOf(r.Files), r.Message)
			continue
		}
		if err := a.renew(ctx, r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// renew has a renewed certificate served. An error means that its turn has not
// come: the next look at the files finds it again.
func (a *applier) renew(ctx context.Context, r certs.Renewal) error {
	ctx, unlock, err := a.lock(ctx, turn{Turn: change.Turn{Yields: true}})
	if err != nil {
		return err
	}
	defer unlock()
	back := a.keys.Renew(r)
	if back == nil {
		return nil
	}
	users := a.usersOf(r.Files)
	if err = a.bringUpToDate(ctx); err == nil {
		a.events.Info("", message.CertificateServed, users, r.Files.CertFile)
		return nil
	}
	if ctx.Err() != nil {
		back(nil)
		return context.Cause(ctx)
	}
	back(err)
	a.events.Error("", message.CertificateRefused, users, certs.ServesOld+err.Error())
	return nil
}

// usersOf names the listeners that serve a pair, as a part of a message.
func (a *applier) usersOf(files config.TLS) string {
	var names []string
	running := a.ledger.View().Running
	for _, name := range sortedKeys(running.Listeners) {
		if c := running.Listeners[name]; c.Enabled && c.TLS != nil && *c.TLS == files {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// bringUpToDate has all that serve use what is not in the config. Callers have the turn.
func (a *applier) bringUpToDate(ctx context.Context) error {
	_, err := a.commit(ctx, transaction{to: a.ledger.View().Running})
	return err
}

// reapply brings what runs up to date with what is not in the config.
func (a *applier) reapply(ctx context.Context) error {
	ctx, unlock, err := a.lock(ctx, turn{})
	if err != nil {
		return err
	}
	defer unlock()
	return a.bringUpToDate(ctx)
}
