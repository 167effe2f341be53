package upgrade

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// Door is how a runtime is reached from outside, which has to be held still while
// another program takes its place.
type Door interface {
	// Refusal is why no other program can take the place of this one; empty if one can.
	Refusal() string
	// Pause stops answering: new clients queue until somebody resumes.
	Pause() (*socket.Kept, error)
	// Resume answers again, by what Pause has kept.
	Resume(*socket.Kept) error
	// IgnoreSignals ignores the signals by which a runtime is operated, also in the
	// program that follows, until restore is called.
	IgnoreSignals() (restore func())
}

// Config is what an Upgrader stands on. All of it is required.
type Config struct {
	// Version of this program.
	Version string

	// The owners of what is handed over.
	Ledger       *ledger.Ledger
	Endpoints    *endpoints.Set
	Cells        *scoreboard.Cells
	Certificates *certs.Store
	Monitor      *monitor.Monitor
	Events       *events.Journal
	// FileHash of the config file as it was last seen.
	FileHash func() [sha256.Size]byte

	// Lock waits until nobody else changes something. The context is that of the turn.
	Lock func(ctx context.Context, actor string) (turn context.Context, unlock func(), err error)
	// Refuse has everybody who asks for a turn told why there is none; nil for nobody.
	Refuse func(why error)
	// Forecast is what will probably become of all open connections.
	Forecast func(context.Context) control.ReceiptPlan
	// FlushLog waits a moment for what is not logged yet.
	FlushLog func()
	// Ending ends as soon as the runtime is asked to end.
	Ending context.Context
}

// Upgrader has one program replaced by another, and tells what became of that.
type Upgrader struct {
	Config
	// door is nil where no other program can get in. standsBy says that this program
	// can stand by for the one that replaces it. Both are set before anybody asks.
	door     Door
	standsBy bool

	status atomic.Pointer[control.Upgrade] // under way, or the last one
	// pipe to who stands by until this program has taken over from another; nil if
	// nobody does.
	pipe    *os.File
	allWell sync.Once
}

// New returns an Upgrader that refuses every upgrade until it is opened.
func New(c Config) *Upgrader { return &Upgrader{Config: c} }

// Open lets other programs take the place of this one, by way of door. standsBy says
// that this program calls [StandBy] when it is started with [StandByArgument].
func (u *Upgrader) Open(door Door, standsBy bool) { u.door, u.standsBy = door, standsBy }

// Status of the upgrade that is under way, or of the last one; nil if there was none.
func (u *Upgrader) Status() *control.Upgrade { return u.status.Load() }

// errReplacing is why nothing changes while a program is about to be replaced.
var errReplacing = control.Fail(control.CodeConflict, message.BeingReplaced)

// set makes s the status.
func (u *Upgrader) set(s control.Upgrade) {
	u.status.Store(&s)
	switch s.State {
	case control.UpgradeDraining, control.UpgradeReplacing:
		u.Refuse(errReplacing)
	default:
		u.Refuse(nil)
	}
}

// Begin begins an upgrade. When it returns, the new program has passed its check, and
// the rest happens by itself.
func (u *Upgrader) Begin(ctx context.Context, action control.Action) (*control.Result, error) {
	if err := u.refusal(); err != nil {
		return nil, err
	}
	planned := u.Forecast(ctx)
	ctx, unlock, err := u.Lock(ctx, action.Actor)
	if err != nil {
		return nil, err
	}
	next, err := u.rehearse(ctx, action)
	if err != nil {
		unlock()
		return nil, err
	}
	s := &next.Upgrade
	s.Receipt = u.Endpoints.OpenReceipt(control.Receipt{Summary: fmt.Sprintf("upgrade to version %s", s.To), Actor: s.Actor, Planned: planned})
	u.set(*s)
	u.Events.Add(events.By(action.Actor, control.LevelInfo, message.New(message.UpgradeBegun, s.From, s.To, s.Binary), action.Reason))
	go func() {
		defer unlock()
		u.replace(next)
	}()
	return &control.Result{ID: s.Receipt, Message: fmt.Sprintf("version %s has passed the check and takes over from %s", s.To, s.From)}, nil
}

// refusal says why this program cannot be replaced; nil if it can.
func (u *Upgrader) refusal() error {
	why := systemRefusal
	if u.door == nil {
		why = "this runtime is part of another program: replace that program"
	} else if r := u.door.Refusal(); r != "" {
		why = r
	}
	if why == "" {
		return nil
	}
	return control.Fail(control.CodeUnsupported, message.UpgradeImpossible, why)
}

// successor is a program that has passed its check.
type successor struct {
	control.Upgrade
	seen  os.FileInfo
	tells bool // it says when it has taken over
}

// rehearse finds the new program and asks it. Nothing else is changed meanwhile.
func (u *Upgrader) rehearse(ctx context.Context, action control.Action) (*successor, error) {
	if err := u.unready(); err != nil {
		return nil, err
	}
	s := &successor{Upgrade: control.Upgrade{Number: 1, State: control.UpgradeDraining, Binary: action.Binary,
		From: u.Version, Actor: action.Actor, Reason: action.Reason, Since: time.Now()}}
	if last := u.Status(); last != nil {
		s.Number = last.Number + 1
	}
	if s.Binary == "" {
		s.Binary, _ = os.Executable() // empty where the system does not say
	}
	if !filepath.IsAbs(s.Binary) {
		return nil, control.Fail(control.CodeInvalid, message.ProgramPath, s.Binary)
	}
	var err error
	if s.seen, err = os.Stat(s.Binary); err == nil {
		var v verdict
		v, err = ask(ctx, s.Binary, u.state(u.Endpoints.State()))
		s.To, s.tells = v.Version, v.Tells
	}
	if err != nil {
		why := fmt.Sprintf("%s failed the check, version %s keeps running: %v", s.Binary, u.Version, err)
		u.Events.Add(events.By(action.Actor, control.LevelError, message.New(message.UpgradeRefused, why), ""))
		return nil, &control.Error{Code: control.CodeRefused, Message: why}
	}
	return s, nil
}

// unready is why what runs cannot be handed over just now.
func (u *Upgrader) unready() error {
	v := u.Ledger.View()
	if err := v.OnTrial(); err != nil {
		return err
	}
	if v.Pending != nil {
		return control.Fail(control.CodeConflict, message.DecideFirst)
	}
	for _, m := range u.Endpoints.All() {
		if e := m.Endpoint(); e != nil && e.Rolling() != nil {
			return control.Fail(control.CodeConflict, message.WorkersBusy, m.Name())
		}
	}
	return nil
}

// replace puts the new program in the place of this one. It returns only if that
// fails, when everything is as it was.
func (u *Upgrader) replace(s *successor) {
	undo, err := u.Endpoints.Evacuate(u.Ending, s.Receipt)
	if err == nil {
		s.State = control.UpgradeReplacing
		u.set(s.Upgrade)
		err = u.handOver(s)
	}
	if back := undo(); back != nil {
		err = errors.Join(err, back)
	}
	u.Endpoints.UnmarkAll(s.Receipt)
	u.Endpoints.MarkedAll(s.Receipt)
	s.State, s.Error = control.UpgradeFailed, fmt.Sprintf("version %s keeps running: %v", s.From, err)
	u.set(s.Upgrade)
	u.Events.Add(events.By(s.Actor, control.LevelError, message.New(message.UpgradeFailed, s.Error), ""))
}

// errEnding is why an upgrade makes way for the end of the runtime.
var errEnding = errors.New("the runtime is shut down")

// handOver freezes everything and executes the new program. It returns only if that
// fails, when everything goes on.
func (u *Upgrader) handOver(to *successor) error {
	if !to.isSame() {
		return fmt.Errorf("%s has changed since it passed the check", to.Binary)
	}
	if u.Ending.Err() != nil {
		return errEnding
	}
	kept, err := u.door.Pause()
	if err != nil {
		return err
	}
	listeners, descriptors, thaw, err := u.Endpoints.Freeze(u.Ending)
	s := u.state(listeners) // now that no process becomes one of the past any more
	s.Keys = u.Certificates.State()
	u.FlushLog()
	if err == nil && u.Ending.Err() != nil { // who ends the runtime has not waited for this
		err = errEnding
	}
	if err == nil {
		s.Upgrade, s.Control, s.PID = to.Upgrade, kept, os.Getpid()
		err = u.execute(to, s, append(descriptors, kept.Socket, kept.Lock))
	}
	thaw()
	return errors.Join(err, u.door.Resume(kept))
}

// isSame reports whether the file is the one that passed the check.
func (s *successor) isSame() bool {
	now, err := os.Stat(s.Binary)
	return err == nil && os.SameFile(now, s.seen) && now.Size() == s.seen.Size() && now.ModTime().Equal(s.seen.ModTime())
}

// maxPoints bounds what is handed over of all histories together.
const maxPoints = 1 << 19

// state is what there is to hand over beside descriptors and secrets.
func (u *Upgrader) state(listeners []endpoints.State) *State {
	speaks, v := prefork.Ours(), u.Ledger.View()
	s := &State{
		Format: format, Protocol: speaks.Protocol, ProtocolLatest: speaks.Latest,
		Board: scoreboard.Layout, BoardFormat: scoreboard.Format,
		Started: u.Monitor.Started(),
		Config:  string(v.Running.YAML()), File: string(v.File.YAML()), Hash: u.FileHash(),
		Status: v.FileStatus(), Generation: v.Generation, LastActor: v.LastActor, Overrides: v.Overrides,
		Past: v.Past(),
	}
	s.LastReceipt, s.Receipts = u.Endpoints.ReceiptState()
	s.Seq, s.Events = u.Events.All()
	s.Cells, s.Backends = u.Cells.State()
	for _, l := range listeners {
		s.Listeners = append(s.Listeners, listener{l, u.Monitor.Past(l.Name, maxPoints/len(listeners))})
	}
	return s
}

// Resume gives to the owners what another program has left. settings are those by which
// a listener is served.
func (u *Upgrader) Resume(ctx context.Context, s *State, running, file *config.Config, settings func(listener string) (serving.Settings, error)) {
	u.Monitor.Resume(s.Started)
	u.Events.Resume(s.Seq, s.Events)
	u.Cells.Restore(s.Cells, s.Backends)
	u.Ledger.Resume(ledger.Resumed{Running: running, File: file, Status: s.Status, Generation: s.Generation,
		LastActor: s.LastActor, Overrides: s.Overrides, Past: s.Past})
	u.Endpoints.RestoreReceipts(s.LastReceipt, s.Receipts)
	u.Certificates.Restore(s.Keys)
	for _, l := range s.Listeners {
		u.Monitor.RestorePast(l.Name, l.Past)
		u.Endpoints.Resume(ctx, l.State, running.Listeners, func() (serving.Settings, error) { return settings(l.Name) })
	}
	if s.StandBy > 0 {
		u.pipe = os.NewFile(uintptr(s.StandBy), "stand by")
	}
}

// TakeOver brings all that the program before served to this one: what it served
// itself comes into this process, and workers are replaced one after the other. Nothing
// else is changed meanwhile.
func (u *Upgrader) TakeOver(s *State) {
	now := s.Upgrade
	now.State = control.UpgradeRolling
	u.set(now)
	tell := func(level string, code message.Code, values ...any) {
		u.Events.Add(events.By(now.Actor, level, message.New(code, values...), ""))
	}
	tell(control.LevelInfo, message.TakenOver, u.Version, now.From)
	err := u.Endpoints.TakeOver(u.Ending, now.Receipt, s.listeners())
	now.State, now.To = control.UpgradeDone, u.Version
	if err != nil {
		now.State, now.Error = control.UpgradeFailed, fmt.Sprintf("version %s is the master, but %v", u.Version, err)
		tell(control.LevelError, message.UpgradeFailed, now.Error)
	} else {
		tell(control.LevelInfo, message.UpgradeDone, u.Version)
	}
	u.set(now)
	u.AllWell()
}

// AllWell lets go who stands by for this program to die: it has taken over, or ends as
// it was told to.
func (u *Upgrader) AllWell() { u.allWell.Do(func() { tellAllWell(u.pipe) }) }
