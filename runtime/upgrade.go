package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
)

// An upgrade replaces the program in this very process, by exec: its number, its
// children and its descriptors stay. Before that the new program is asked
// whether it can go on with what this one leaves; and what this process serves
// itself is moved to a worker for the time.

// UpgradeCheck is the argument by which a program is asked, on its standard
// input, whether it can take over from another. It answers by [CheckUpgrade].
const UpgradeCheck = "__upgrade-check"

// verdict is the answer.
type verdict struct {
	Version string `json:"version"`
	// Tells is true if the program says when it has taken over, see StandBy.
	Tells bool `json:"tells,omitempty"`
}

// CheckUpgrade reads what a runtime leaves to its successor and answers with the
// version of this program, or fails if this program could not go on with it.
func CheckUpgrade(in io.Reader, out io.Writer, version string) error {
	c, err := readCarried(in)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(verdict{Version: version, Tells: true})
}

// maxCarried bounds what is read of another program, in bytes.
const maxCarried = 256 << 20

func readCarried(r io.Reader) (*carried, error) {
	c := new(carried)
	if err := json.NewDecoder(io.LimitReader(r, maxCarried)).Decode(c); err != nil {
		return nil, fmt.Errorf("what the running program hands over is not understood: %w", err)
	}
	return c, nil
}

// replaceBy begins an upgrade. When it returns, the new program has passed its
// check, and the rest happens by itself.
func (a *App) replaceBy(ctx context.Context, action control.Action) (*control.Result, error) {
	if err := a.upgradable(); err != nil {
		return nil, err
	}
	planned := forecastAll(ctx, a.endpoints.All())
	ctx, unlock, err := a.lock(ctx, turn{Turn: by(action.Actor)})
	if err != nil {
		return nil, err
	}
	u, seen, err := a.rehearse(ctx, action)
	if err != nil {
		unlock()
		return nil, err
	}
	u.Receipt = a.endpoints.OpenReceipt(control.Receipt{Summary: fmt.Sprintf("upgrade to version %s", u.To), Actor: u.Actor, Planned: planned})
	a.setUpgrade(*u)
	a.events.Add(control.Event{Level: control.LevelInfo, Actor: action.Actor,
		Message: events.WithReason(fmt.Sprintf("upgrade from version %s to %s, %s", u.From, u.To, u.Binary), action.Reason)})
	go func() {
		defer unlock()
		a.replace(*u, seen)
	}()
	return &control.Result{ID: u.Receipt, Revision: a.currentRevision(), Message: fmt.Sprintf("version %s is good and takes over from %s", u.To, u.From)}, nil
}

// upgradable says why this runtime cannot be replaced; nil if it can.
func (a *App) upgradable() error {
	why := ""
	switch {
	case a.door == nil:
		why = "this runtime is part of a program of its own: replace that one"
	case a.door.refusal != "":
		why = a.door.refusal
	default:
		why = upgradeRefusal
	}
	if why == "" {
		return nil
	}
	return &control.Error{Code: control.CodeUnsupported, Message: "upgrade in place: " + why}
}

// rehearse finds the new program and asks it. Callers have the turn.
func (a *App) rehearse(ctx context.Context, action control.Action) (*control.Upgrade, os.FileInfo, error) {
	if err := a.ledger.View().OnTrial(); err != nil {
		return nil, nil, err
	}
	if a.heldFile() != nil {
		return nil, nil, &control.Error{Code: control.CodeConflict, Message: "a change of the config file is held: accept or reject it first"}
	}
	for _, m := range a.endpoints.All() {
		if e := m.Endpoint(); e != nil && e.Rolling() != nil {
			return nil, nil, &control.Error{Code: control.CodeConflict, Message: "the workers of " + m.Name() + " are being restarted: try again when they are"}
		}
	}
	u := &control.Upgrade{Number: 1, State: control.UpgradeDraining, Binary: action.Binary,
		From: a.version, Actor: action.Actor, Reason: action.Reason, Since: time.Now()}
	if a.upgrade != nil {
		u.Number = a.upgrade.Number + 1
	}
	if u.Binary == "" {
		u.Binary, _ = os.Executable() // empty where the system does not say
	}
	if !filepath.IsAbs(u.Binary) {
		return nil, nil, &control.Error{Code: control.CodeInvalid, Message: fmt.Sprintf("the new program %q: want an absolute path", u.Binary)}
	}
	seen, err := os.Stat(u.Binary)
	if err == nil {
		var v verdict
		v, err = ask(ctx, u.Binary, a.describe(a.endpoints.State()))
		u.To, a.door.tells = v.Version, v.Tells
	}
	if err != nil {
		why := fmt.Sprintf("%s is not fit, version %s keeps running: %v", u.Binary, a.version, err)
		a.events.Add(control.Event{Level: control.LevelError, Actor: action.Actor, Message: "upgrade refused: " + why})
		return nil, nil, &control.Error{Code: control.CodeRefused, Message: why}
	}
	return u, seen, nil
}

func (a *App) setUpgrade(u control.Upgrade) {
	a.mu.Lock()
	a.upgrade = &u
	a.mu.Unlock()
	switch u.State {
	case control.UpgradeDraining, control.UpgradeReplacing:
		a.queue.Refuse(&control.Error{Code: control.CodeConflict, Message: "the program is being replaced by another version: try again in a moment"})
	default:
		a.queue.Refuse(nil)
	}
}

// replace puts the new program in the place of this one. It returns only if that
// fails, when everything is as it was. Callers have the turn.
func (a *App) replace(u control.Upgrade, seen os.FileInfo) {
	undo, err := a.endpoints.Evacuate(a.ending, u.Receipt)
	if err == nil {
		u.State = control.UpgradeReplacing
		a.setUpgrade(u)
		err = a.handOver(u, seen)
	}
	if back := undo(); back != nil {
		err = errors.Join(err, back)
	}
	a.endpoints.UnmarkAll(u.Receipt)
	a.endpoints.MarkedAll(u.Receipt)
	u.State, u.Error = control.UpgradeFailed, fmt.Sprintf("version %s keeps running: %v", u.From, err)
	a.setUpgrade(u)
	a.events.Add(control.Event{Level: control.LevelError, Actor: u.Actor, Message: "upgrade failed, " + u.Error})
}

// handOver freezes everything and executes the new program. It returns only if
// that fails, when everything goes on.
func (a *App) handOver(u control.Upgrade, seen os.FileInfo) error {
	if now, err := os.Stat(u.Binary); err != nil || !os.SameFile(now, seen) || now.Size() != seen.Size() || !now.ModTime().Equal(seen.ModTime()) {
		return fmt.Errorf("%s is not the file any more that passed the check", u.Binary)
	}
	if a.ending.Err() != nil {
		return ErrClosed
	}
	kept, err := a.door.shut()
	if err != nil {
		return err
	}
	listeners, numbers, thaw, err := a.endpoints.Freeze(a.ending)
	c := a.describe(listeners) // now that no process becomes one of the past any more
	c.Keys = a.keys.State()
	a.logQueue.Flush()
	if err == nil {
		err = a.ending.Err() // who ends the runtime has not waited for this
	}
	if err == nil {
		c.Upgrade, c.Control, c.PID = u, kept, os.Getpid()
		err = a.door.execute(u.Binary, c, append(numbers, kept.Socket, kept.Lock))
	}
	thaw()
	return errors.Join(err, a.door.reopen(kept))
}
