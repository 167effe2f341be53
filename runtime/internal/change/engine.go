package change

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
	"github.com/echterhof/rockstar-tui/runtime/internal/steps"
)

// Program is what Go code gave to the runtime. It is asked by many goroutines.
type Program interface {
	// Of is what the program has for a listener; nil if the listener is not one of
	// its own.
	Of(listener string) serving.Program
	// IsGiven reports whether the program itself opened that listener.
	IsGiven(listener string) bool
}

// Config of an Engine. All fields but Log and At are required.
type Config struct {
	Log    *slog.Logger
	Events *events.Journal

	// Ledger knows what should run. From now on only the Engine changes it.
	Ledger       *ledger.Ledger
	Endpoints    *endpoints.Set
	Cells        *scoreboard.Cells // of backends
	Certificates *certs.Store
	Files        *slowdisk.Files
	Monitor      *monitor.Monitor
	Program      Program

	// Patience is how long a change waits for the one before it.
	Patience time.Duration
	// At is called with the name of each step that a crash may come between. Tests end
	// the process there. Nil for nothing.
	At func(step string)

	// Ending ends as soon as the runtime is asked to end. Closed is what is then
	// returned to those who wait for a change to begin.
	Ending context.Context
	Closed error
	// Background runs f in a goroutine until the runtime has ended, which waits for
	// it.
	Background func(f func(ctx context.Context))
}

// Engine changes what runs, one change at a time: whoever wants to change
// something takes a turn (lock), which ends in a transaction (commit). Plans and
// snapshots look on and take no turn.
type Engine struct {
	events *events.Journal

	ending     context.Context
	closed     error
	background func(f func(ctx context.Context))

	// queue hands out the turns. Somebody's is waited for as long as patience says.
	queue    *Queue
	patience time.Duration
	at       func(step string) // that a crash may come between
	// ledger knows what should run. Whose turn it is changes it.
	ledger *ledger.Ledger
	// ahead is a plan of the change whose turn it is, made before; nil if there is
	// none. It belongs to whose turn it is.
	ahead *ahead
	state state // it belongs to whose turn it is

	// fileMu guards fileHash, that of the file as last seen.
	fileMu   sync.Mutex
	fileHash [sha256.Size]byte

	// The timekeeper runs from when there first is something to wait for.
	timing sync.Once
	wake   chan struct{}

	keys      *certs.Store
	files     *slowdisk.Files
	cells     *scoreboard.Cells // of backends
	endpoints *endpoints.Set
	steps     *steps.Maker // of changes
}

// New returns an Engine that has nothing to do yet: it begins with Start, Serve or
// Resume.
func New(c Config) *Engine {
	if c.At == nil {
		c.At = func(string) {}
	}
	return &Engine{
		events: c.Events,
		ending: c.Ending, closed: c.Closed, background: c.Background,
		queue: NewQueue(errShutDown), patience: c.Patience, at: c.At,
		ledger: c.Ledger, state: state{files: c.Files, at: c.At}, wake: make(chan struct{}, 1),
		keys: c.Certificates, files: c.Files, cells: c.Cells, endpoints: c.Endpoints,
		steps: &steps.Maker{
			Endpoints: c.Endpoints, Cells: c.Cells, Certificates: c.Certificates, Monitor: c.Monitor,
			Files: c.Files, Log: c.Log, Program: c.Program.Of, IsGiven: c.Program.IsGiven,
		},
	}
}

// View is what should run at this moment. It does not change any more.
func (e *Engine) View() *ledger.View { return e.ledger.View() }

// History lists what was put into effect or refused, newest first.
func (e *Engine) History(q control.HistoryQuery) ([]control.Generation, error) {
	return e.ledger.View().History(q)
}

// Run brings renewed certificates into service, and writes again what the state
// directory did not take, until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	e.background(e.retryState)
	e.watchCerts(ctx)
}

// Lock waits for a turn in the name of actor. Nothing changes until done is called
// but what the caller changes. The context returned also ends with the runtime.
func (e *Engine) Lock(ctx context.Context, actor string) (turnCtx context.Context, done func(), err error) {
	return e.lock(ctx, turn{Turn: e.by(actor)})
}

// Settings are what a process needs to know to serve a listener of cfg.
func (e *Engine) Settings(cfg *config.Config, listener string) (serving.Settings, error) {
	return e.steps.Settings(cfg, listener, e.cells.Place)
}

// Forecast is what will become of all connections when all workers are replaced, as
// far as can be told now.
func (e *Engine) Forecast(ctx context.Context) control.ReceiptPlan {
	return steps.Forecast(ctx, e.endpoints.All(), endpoints.EveryWorker)
}

// Refuse refuses changes that would have to wait, until it is called with nil.
func (e *Engine) Refuse(why error) { e.queue.Refuse(why) }

// Stop cancels the change under way and refuses all others from now on. It waits
// no longer than limit; the error names whose change has not ended by then.
func (e *Engine) Stop(limit time.Duration) error { return e.queue.Close(limit) }

// Close gives the state directory back, after Stop.
func (e *Engine) Close() { e.state.close() }

// generation is the generation that runs.
func (e *Engine) generation() uint64 { return e.ledger.View().Generation }

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
