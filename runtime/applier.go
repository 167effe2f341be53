package runtime

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"

	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
	"github.com/echterhof/rockstar-tui/runtime/internal/steps"
)

// applier changes what runs, one change at a time: whoever wants to change
// something takes a turn (lock), which ends in a transaction (commit). Plans and
// snapshots look on and take no turn.
type applier struct {
	log    *slog.Logger
	events *events.Journal

	// ctx ends when the App is shut down, ending as soon as that is asked for;
	// background goroutines are counted in running.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	ending  context.Context
	hasten  context.CancelFunc
	running sync.WaitGroup

	// queue hands out the turns.
	queue *change.Queue
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
	files     slowdisk.Files
	cells     *scoreboard.Cells // of backends
	endpoints *endpoints.Set
	monitor   *monitor.Monitor
	steps     *steps.Maker // of changes

	program *program // what Go code gave to New; nil after Open
}
