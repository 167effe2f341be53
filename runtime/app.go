package runtime

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/logqueue"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
	"github.com/echterhof/rockstar-tui/runtime/internal/upgrade"
)

// ErrClosed is returned by an App that was shut down.
var ErrClosed = errors.New("the runtime is shut down")

// Options of an App.
type Options struct {
	// ConfigPath names the config file. It is watched: a save takes effect.
	ConfigPath string
	// Config is used when there is no file.
	Config *config.Config
	// Log receives events and errors, in the order in which they happen and a
	// moment later: whoever logs does not wait for it. Of what it does not take,
	// the last thousand lines wait and the rest is dropped. Nil discards them.
	Log *slog.Logger
	// Version of the program, shown to whoever asks.
	Version string
	// StateDir is where the history is kept, and how to take back a trial if the
	// process dies meanwhile. It is made if needed, and belongs to one App at a
	// time. Empty, or if it cannot be used, nothing outlives the process.
	StateDir string
	// KeepOverrides makes what an operator changed outlive the process; where the
	// file was changed since, the file wins. It needs StateDir.
	KeepOverrides bool
	// FallbackLastGood starts with the last good generation of StateDir if the
	// config is not good, with an alarm that stays until it is.
	FallbackLastGood bool

	// dedicated says that the process does nothing but serve.
	dedicated bool
	// orphanDir is where workers wait for another master should this one die; noOrphanDir
	// why there is none though there should be.
	orphanDir, noOrphanDir string
}

// App is a running runtime. It implements [control.Controller].
type App struct {
	// engine changes what runs; the others do what it decides, and look.
	engine    *change.Engine
	endpoints *endpoints.Set
	cells     *scoreboard.Cells // of backends
	keys      *certs.Store
	monitor   *monitor.Monitor
	events    *events.Journal
	upgrade   *upgrade.Upgrader

	// ctx ends when the App is shut down, ending as soon as that is asked for;
	// background goroutines are counted in running.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	ending  context.Context
	hasten  context.CancelFunc
	running sync.WaitGroup

	version string
	log     *slog.Logger
	// logQueue is what log writes to, so that nobody who logs waits for a reader.
	logQueue *logqueue.Queue

	// lastReceipt is the number of that of the shutdown, if it was asked for by an
	// action, and watchers know when somebody last began to look at a snapshot.
	lastReceipt atomic.Uint64
	watchers    watchers

	noOrphanDir string // why there is none though there should be

	program *program // what Go code gave to New; nil after Open
	server  *Server  // of the seed's page, with its client
	client  NetworkClient

	hooks hooks // of OnShutdown
	end   termination
}

var _ control.Controller = (*App)(nil)

// Open starts a runtime and returns when all its listeners serve. A config that
// is not valid ends in a [config.Errors]; a listener that cannot be opened in
// its own error. Either way nothing keeps running.
func Open(ctx context.Context, o Options) (*App, error) {
	a := newApp(o)
	a.engine.OpenState(o.StateDir, o.KeepOverrides)
	a.engine.LoadHistory()
	first := &change.Start{ConfigPath: o.ConfigPath, Config: o.Config, FallbackLastGood: o.FallbackLastGood}
	if err := a.engine.Read(ctx, first); err != nil {
		a.engine.Close()
		return nil, err
	}
	defer a.engine.Watch(first)
	for _, s := range a.endpoints.FindOrphans() {
		inherit(s, a.cells, a.keys)
	}
	defer a.endpoints.DrainOrphans()
	if err := a.engine.Start(ctx, first); err != nil {
		a.Shutdown(context.Background())
		return nil, err
	}
	beginTasks(a)
	return a, nil
}

// keptGenerations is how long the history is.
const keptGenerations = 50

// Tests change these.
var (
	// changeWait is how long a change waits for the one before it.
	changeWait = 30 * time.Second
	// failpoint is called with the name of each step that a crash may come between.
	failpoint = func(step string) {}
)

func newApp(o Options) *App {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log, queue := logqueue.New(log)
	a := &App{
		version: o.Version, log: log, logQueue: queue, events: events.New(log), cells: scoreboard.NewCells(),
		noOrphanDir: o.noOrphanDir, end: termination{done: make(chan struct{})},
	}
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	a.ending, a.hasten = context.WithCancel(a.ctx)
	a.endpoints = endpoints.New(endpoints.Config{
		Log: log, Events: a.events, Cells: a.cells, Dedicated: o.dedicated, OrphanDir: o.orphanDir,
		Program: ofApp{a}.Of, Given: a.takeGiven,
	})
	files := new(slowdisk.Files)
	a.keys = certs.New(files)
	a.monitor = monitor.New(monitor.Config{
		Version: o.Version, Endpoints: a.endpoints, Cells: a.cells, Certificates: a.keys, Events: a.events,
		Desired: a.desired, Facts: a.facts,
	})
	desired := ledger.New(time.Now, ledger.Rules{History: keptGenerations, KeepOverrides: o.KeepOverrides})
	a.engine = change.New(change.Config{
		Log: log, Events: a.events, Ledger: desired, Endpoints: a.endpoints, Cells: a.cells, Certificates: a.keys,
		Files: files, Monitor: a.monitor, Program: ofApp{a}, Ending: a.ending, Closed: ErrClosed, Background: a.background,
		Patience: changeWait, At: func(step string) { failpoint(step) },
	})
	a.upgrade = newUpgrader(a, desired)
	if a.noOrphanDir != "" {
		a.events.Warn("", message.AdoptionMissing, a.noOrphanDir)
	}
	return a
}

// background runs f until the App's context ends, and Shutdown waits for it.
func (a *App) background(f func(ctx context.Context)) {
	a.running.Add(1)
	go func() {
		defer a.running.Done()
		f(a.ctx)
	}()
}

// awaitBackground reports whether what background began has ended within limit. One of
// them may be within a read that does not return.
func (a *App) awaitBackground(limit time.Duration) bool {
	over := make(chan struct{})
	go func() { a.running.Wait(); close(over) }()
	select {
	case <-over:
		return true
	case <-time.After(limit):
		return false
	}
}

// Done is closed when the App has shut down.
func (a *App) Done() <-chan struct{} { return a.end.done }

// Shutdown drains all listeners, each within its shutdown timeout, calls the hooks
// of [App.OnShutdown], and ends the App. When ctx ends first, what is left is
// closed at once and the cause of ctx returned. A second call waits for the same
// end, as long as its own context allows.
func (a *App) Shutdown(ctx context.Context) error { return a.end.await(ctx, a.shutdown) }

// endTimeout is how long the end waits for a change under way, and for who
// reads files: a disk that hangs must not keep the runtime from ending.
const endTimeout = time.Second

func (a *App) shutdown(ctx context.Context) error {
	defer a.logQueue.Flush()
	defer a.engine.Close()
	a.hasten()
	a.upgrade.AllWell() // nobody has to come back
	a.endpoints.Close()
	if behind := a.engine.Stop(endTimeout); behind != nil {
		a.log.Warn("the runtime ends without waiting for an unfinished change", "who", behind)
	}
	a.cancel(ErrClosed)
	if a.engine.View().Generation > 0 { // it had begun
		a.events.Info("", message.ShuttingDown)
	}
	asked := a.lastReceipt.Load()
	id := asked
	if id == 0 {
		id = a.endpoints.OpenReceipt(control.Receipt{Summary: "shutdown"})
	}
	for _, done := range a.endpoints.End(id) {
		select {
		case <-done:
		case <-ctx.Done():
			a.log.Warn("shutdown was cut short", "cause", context.Cause(ctx))
			a.endpoints.Cut()
			return errors.Join(context.Cause(ctx), a.hooks.call(ctx, a.log))
		}
	}
	err := a.hooks.call(ctx, a.log)
	if !a.awaitBackground(endTimeout) {
		a.log.Warn("the runtime ends without waiting for a file that is still being read", "config", a.engine.View().Path())
	}
	if asked != 0 {
		a.watchers.awaitLook()
	}
	return err
}
