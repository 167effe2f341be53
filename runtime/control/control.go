// Package control is how one watches and operates a running app, whether it runs
// in this process or behind a Unix socket.
//
// [Controller] is the contract, and everything that a screen or a command knows
// about a runtime. runtime.App implements it; [Client] speaks to one in another
// process, [Handler] serves one over HTTP, and controltest.Fake is one in
// memory. The contract suite, controltest.TestController, runs against all.
//
//	screen or command ─▶ Controller ◀─ App             the same process
//	                     Controller ◀─ Client ~ socket ~ Handler ─▶ App
//
// Looking: a [Snapshot] is the state at one moment; Watch delivers the newest one
// whenever something has changed; History and Read look back. Counters only
// grow, rates are computed by whoever shows them.
//
// Changing: a [Change] is a patch or a whole config. Plan shows what it would do,
// Apply does it, all or nothing. With Confirm it is a [Trial], rolled back unless
// it is confirmed in time. An [Action] is a one-off operation, such as a reload
// or a restart. Every [Result] has a [Receipt]: what became of the connections.
//
// Errors are of type *[Error] and have a code that survives the socket; test
// them with errors.Is against ErrConflict, ErrRefused and so on.
//
// The package knows neither mechanisms nor screens.
package control

import (
	"context"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Controller is all that a screen or a command line knows of a runtime.
//
// Its errors are *[Error] or those of the context. They keep their code across
// the wire, so errors.Is(err, ErrConflict) holds for every implementation.
type Controller interface {
	// Snapshot returns the present state.
	Snapshot(ctx context.Context) (*Snapshot, error)
	// Watch calls fn with the present state at once and then at every interval,
	// with the newest state only: a slow fn misses states, it never queues them.
	// It returns why it ended: the context's error, or that of the connection.
	// The snapshots must not be changed.
	Watch(ctx context.Context, opts WatchOptions, fn func(*Snapshot)) error
	// Plan tells what a change would do, and changes nothing.
	Plan(ctx context.Context, change Change) (*Plan, error)
	// Apply carries out a change. When it returns, the change is decided: made,
	// or refused without a trace. What drains is seen in the snapshots.
	Apply(ctx context.Context, change Change) (*Result, error)
	// Connections lists open connections.
	Connections(ctx context.Context, query Query) (*Page, error)
	// Act runs a one-off operation: reload, restart a worker, confirm a trial, shut down.
	Act(ctx context.Context, action Action) (*Result, error)
	// History lists what was put into effect or refused, newest first.
	History(ctx context.Context, query HistoryQuery) ([]Generation, error)
	// Read opens a stream of what is too much for a snapshot. It ends with ctx, and
	// is to be closed.
	Read(ctx context.Context, query ReadQuery) (Stream, error)
}

// WatchOptions say what a watcher wants.
type WatchOptions struct {
	// Interval between snapshots; 0 means one second, less than 100ms is 100ms.
	Interval time.Duration
	// History is how many seconds of past rates each snapshot carries, at most 3600.
	History int
	// Look names what the watcher shows in detail, as paths: "listeners.web",
	// "listeners.web.workers.1". What costs to find out, [ListenerInfo.History] and
	// the CPU time and memory of workers, is then found out for these alone, and
	// only while the watch lasts; 0 stands for it elsewhere. At most 100 paths;
	// empty means everything.
	Look []string
}

// Change asks for another desired state: a patch of the present one, or a whole
// config.
type Change struct {
	// Patch edits the present config. Exclusive with Config.
	Patch config.Patch `json:"patch,omitempty"`
	// Config is a whole config file's text. Exclusive with Patch.
	Config string `json:"config,omitempty"`
	// Base is the generation that the change is based on: if one of its paths has
	// changed since, or anything and the change is a whole config, it ends in
	// ErrConflict. 0 means the present generation.
	Base uint64 `json:"base,omitempty"`
	// Persist also makes the change in the config file, touching nothing else
	// in it. With Confirm the file is written when the change is confirmed.
	Persist bool `json:"persist,omitempty"`
	// Confirm puts the change on trial: it is rolled back after that time, 1s to
	// 24h, unless an [Action] confirms it. The runtime does so even if the client
	// has ended.
	Confirm config.Duration `json:"confirm,omitempty"`
	// Guard ends a trial early; nil for none.
	Guard *Guard `json:"guard,omitempty"`
	// Expires is after what time, at least 1s, the values that are changed go
	// back to what the file says; 0 means never.
	Expires config.Duration `json:"expires,omitempty"`
	// Actor and Reason are kept in the events. The runtime adds what it knows
	// of the peer to the actor.
	Actor  string `json:"actor,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Result of a change or an action.
type Result struct {
	// ID of the [Receipt] in the snapshots; 0 if nothing was changed.
	ID uint64 `json:"id,omitempty"`
	// Generation that runs after it.
	Generation uint64 `json:"revision"`
	// Changes made; empty when everything already was as wished.
	Changes []config.Change `json:"changes,omitempty"`
	// Message is one line for a person.
	Message string `json:"message"`
	// Warnings are promises that could not be kept, one line each.
	Warnings []string `json:"warnings,omitempty"`
	// Made is the generation that it made; 0 if it changed nothing.
	Made uint64 `json:"generation,omitempty"`
	// Until is when a trial that it began is taken back.
	Until *time.Time `json:"until,omitempty"`
}

// Query selects connections.
type Query struct {
	// Listener by name; empty means all.
	Listener string `json:"listener,omitempty"`
	// Worker id; nil means all.
	Worker *int `json:"worker,omitempty"`
	// State is "active", "idle" or empty for both.
	State string `json:"state,omitempty"`
	// Limit is the most to return; 0 means 100, at most 10000.
	Limit int `json:"limit,omitempty"`
	// Offset skips so many, of an order by age, oldest first.
	Offset int `json:"offset,omitempty"`
}

// Page of connections.
type Page struct {
	Connections []Connection `json:"connections"`
	// Total that match, whatever the limit.
	Total int `json:"total"`
}

// Connection is one open connection.
type Connection struct {
	Listener string    `json:"listener"`
	Worker   int       `json:"worker"`
	ID       uint64    `json:"id"`
	Peer     string    `json:"peer"`
	State    string    `json:"state"`
	Since    time.Time `json:"since"`
	Opened   time.Time `json:"opened"`
	Requests uint64    `json:"requests"`
	BytesIn  uint64    `json:"bytes_in"`
	BytesOut uint64    `json:"bytes_out"`
	// Protocol is "http/1.1", "h2", "h3", or of one that was taken over from
	// HTTP "websocket" or "upgraded".
	Protocol string `json:"protocol"`
	// Request is the method and path of what it is busy with, cut to one short
	// line; empty if it is idle, or on HTTP/1.1 with what does not last.
	Request string `json:"request,omitempty"`
}

// Kinds of [Action].
const (
	Reload        = "reload"         // read the config file again
	RestartWorker = "restart_worker" // replace Worker of Listener by a new process, draining it
	// RestartWorkers replaces every worker of Listener, or of all listeners if
	// that is empty, one after the other, and returns when all are replaced or
	// one could not be: then that one and the rest go on as before.
	RestartWorkers = "restart_workers"
	Shutdown       = "shutdown"     // drain everything and end the runtime
	Confirm        = "confirm"      // keep what is on trial
	Rollback       = "rollback"     // go back to Generation, or end the trial under way
	AcceptHeld     = "accept_held"  // apply the change of the file that is held
	RejectHeld     = "reject_held"  // leave it unapplied until the file is saved again
	DrainExtend    = "drain_extend" // give what drains By more time: of Listener, or of all if that is empty
	DrainNow       = "drain_now"    // end at once what drains; what is left open is closed
	Replace        = "upgrade"      // replace the running program by Binary, see [Upgrade]
)

// Actions are the kinds of all that every runtime knows.
var Actions = []string{Reload, RestartWorker, RestartWorkers, Shutdown, Confirm, Rollback, AcceptHeld, RejectHeld, DrainExtend, DrainNow, Replace}

// UnknownAction says that there is no action of that kind, and which there are.
func UnknownAction(kind string) *Error {
	return invalid("kind", message.UnknownAction, printable.Limit(kind, 40), strings.Join(Actions, ", "))
}

// Action is a one-off operation.
type Action struct {
	Kind     string `json:"kind"`
	Listener string `json:"listener,omitempty"`
	Worker   int    `json:"worker,omitempty"`
	// Discard makes a reload drop what was changed since by hand, so that what
	// runs is what the file says. Without a file it is what the runtime was
	// started with.
	Discard bool `json:"discard,omitempty"`
	// Base is the generation that a confirm or rollback is based on: the one on
	// trial, or the one that runs. If it is another one now, the action ends in
	// ErrConflict. 0 means the present one.
	Base uint64 `json:"base,omitempty"`
	// Generation a rollback goes back to; 0 takes back what is on trial.
	Generation uint64 `json:"generation,omitempty"`
	// All means every worker of Listener that drains, not just Worker, and By is
	// how much more time they get: from 1s to 24h.
	All bool            `json:"all,omitempty"`
	By  config.Duration `json:"by,omitempty"`
	// Binary of an upgrade, an absolute path; empty means the path of the
	// program that runs, where another may lie by now.
	Binary string `json:"binary,omitempty"`
	Actor  string `json:"actor,omitempty"`
	Reason string `json:"reason,omitempty"`
}
