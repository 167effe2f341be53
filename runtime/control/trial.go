package control

import (
	"fmt"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Guard ends a trial at once when what it counts since the trial began reaches
// a threshold. A threshold of 0 is not looked at.
type Guard struct {
	// Errors are requests that failed by the server's fault or a backend's, not
	// by that of clients.
	Errors int `json:"errors,omitempty"`
	// ErrorPercent is their share of all requests, looked at from the
	// twentieth request on; more than 0, at most 100.
	ErrorPercent float64 `json:"error_percent,omitempty"`
	// Crashes of workers.
	Crashes int `json:"crashes,omitempty"`
	// Refused connections, because of a limit.
	Refused int `json:"refused,omitempty"`
}

// Trial is a change that is taken back unless it is confirmed in time. While it
// is under way nothing else can be changed.
type Trial struct {
	// Until is when the change is taken back.
	Until time.Time `json:"until"`
	// Since is when it was made.
	Since  time.Time `json:"since"`
	Actor  string    `json:"actor"`
	Reason string    `json:"reason,omitempty"`
	// Changes that are on trial.
	Changes []config.Change `json:"changes"`
	// Generation that is on trial, and Before the one to go back to.
	Generation uint64 `json:"revision"`
	Before     uint64 `json:"before"`
	// Persist is true if the config file is written when it is confirmed.
	Persist bool `json:"persist,omitempty"`
	// Guard that watches over it, nil if none does.
	Guard *Guard `json:"guard,omitempty"`
	// Error is why taking it back has failed so far; it is tried again and again.
	Error string `json:"error,omitempty"`
}

// Override is one value that an operator changed, so that it differs from the
// file: the three columns are File, Value and, in Base, what the file said when
// it was changed.
type Override struct {
	// Path and all values are written as in [config.Edit]. A value is empty
	// where there is none.
	Path string `json:"path"`
	// File is what the file says now.
	File string `json:"file"`
	// Base is what the file said when Value was set. If the file is changed
	// from that, the file wins.
	Base string `json:"base"`
	// Value is what runs.
	Value  string `json:"value"`
	Actor  string `json:"actor,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Since is when it was set; zero if that is not known.
	Since time.Time `json:"since"`
	// Expires is when it goes back to the file's value by itself; nil if never.
	Expires *time.Time `json:"expires,omitempty"`
}

// Held is a change of the config file that waits for a decision, or for the
// end of a trial.
type Held struct {
	Since time.Time `json:"since"`
	// Reason is why it is held, one line.
	Reason string `json:"reason"`
	// Summary is what it would do, one line.
	Summary string `json:"summary,omitempty"`
	// Changes that it would make.
	Changes []config.Change `json:"changes,omitempty"`
	// Trial is true if it waits for the end of the trial under way, after which
	// it takes effect by itself; otherwise it waits for [AcceptHeld] or [RejectHeld].
	Trial bool `json:"trial,omitempty"`
}

// Triggers of a [Generation].
const (
	TriggerStart    = "start"    // the runtime was started
	TriggerFile     = "file"     // the config file was saved, or reloaded
	TriggerChange   = "change"   // an operator changed something
	TriggerTrial    = "trial"    // the same, on trial
	TriggerConfirm  = "confirm"  // a trial was confirmed; only in what older programs kept
	TriggerRollback = "rollback" // an operator went back
	TriggerExpiry   = "expiry"   // the time of a trial or of overrides was up
	TriggerGuard    = "guard"    // the guard of a trial ended it
)

// Results of a [Generation].
const (
	ResultApplied = "applied"
	ResultRefused = "refused"
)

// Generation is one entry of the history: a desired state that was put into
// effect, or the attempt. Numbers grow by one and go on after a restart if the
// runtime has a state directory.
type Generation struct {
	// Number is 0 for an attempt that was refused, unless an older program kept it.
	Number uint64 `json:"number"`
	// Revision is the same number; of an attempt, that of the generation that went
	// on running.
	Revision uint64    `json:"revision"`
	Time     time.Time `json:"time"`
	Actor    string    `json:"actor,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	// Trigger and Result are one of the constants.
	Trigger string `json:"trigger"`
	Result  string `json:"result"`
	// Message is one line: what it did, or why it was refused.
	Message string          `json:"message"`
	Changes []config.Change `json:"changes"`
	// DurationMS is how long it took to decide, in milliseconds.
	DurationMS float64 `json:"duration_ms"`
	// Running is true for what runs now.
	Running bool `json:"running,omitempty"`
	// Confirmed tells who confirmed what was on trial; nil if nobody has, or if it
	// was not on trial.
	Confirmed *Confirmation `json:"confirmed,omitempty"`
	// Config is the whole config as a file's text; empty unless asked for, and
	// of what was refused.
	Config string `json:"config,omitempty"`
}

// Name is that of the generation, or the one that an attempt met: "generation 7",
// "attempt at generation 7".
func (g Generation) Name() string {
	if g.Number == 0 {
		return fmt.Sprintf("attempt at generation %d", g.Revision)
	}
	return fmt.Sprintf("generation %d", g.Number)
}

// Outcome is the result with what else there is to say of it: "refused, after 7",
// "applied, confirmed by alice".
func (g Generation) Outcome() string {
	switch {
	case g.Number == 0:
		return fmt.Sprintf("%s, after %d", g.Result, g.Revision)
	case g.Confirmed != nil && g.Confirmed.By != "":
		return g.Result + ", confirmed by " + g.Confirmed.By
	case g.Confirmed != nil:
		return g.Result + ", confirmed"
	}
	return g.Result
}

// Confirmation of a trial.
type Confirmation struct {
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// HistoryQuery selects generations.
type HistoryQuery struct {
	// Number of the only one wanted; 0 means all. One that is not kept ends in
	// ErrNotFound.
	Number uint64 `json:"number,omitempty"`
	// Limit is the most to return; 0 means 50, at most 1000.
	Limit int `json:"limit,omitempty"`
	// Config asks for the text of each.
	Config bool `json:"config,omitempty"`
}

// Bounds of times and numbers in changes on trial and in histories.
const (
	minConfirm          = time.Second
	maxConfirm          = 24 * time.Hour
	maxExpires          = 366 * 24 * time.Hour
	defaultHistoryLimit = 50
	maxHistoryLimit     = 1000
)

// Effective returns the query with its default limit, or an *[Error] with
// [CodeInvalid] that names what is wrong with it.
func (q HistoryQuery) Effective() (HistoryQuery, error) {
	if q.Limit == 0 {
		q.Limit = defaultHistoryLimit
	}
	if q.Limit < 0 || q.Limit > maxHistoryLimit {
		return q, invalid("limit", message.LimitOutOfRange, "history", q.Limit, maxHistoryLimit)
	}
	return q, nil
}

// checkTimes reports what is wrong with how long a change is to last.
func (c Change) checkTimes() error {
	confirm, expires := time.Duration(c.Confirm), time.Duration(c.Expires)
	switch {
	case confirm != 0 && (confirm < minConfirm || confirm > maxConfirm):
		return invalid("confirm", message.ConfirmOutOfRange, c.Confirm, minConfirm, maxConfirm)
	case expires != 0 && (expires < minConfirm || expires > maxExpires):
		return invalid("expires", message.ExpiresOutOfRange, c.Expires, minConfirm, maxExpires)
	case c.Persist && expires != 0:
		return invalid("persist", message.ExpiresAndPersist)
	case c.Guard != nil && confirm == 0:
		return invalid("guard", message.GuardWithoutTrial)
	}
	return c.Guard.check()
}

func (g *Guard) check() error {
	switch {
	case g == nil:
		return nil
	case g.Errors < 0 || g.Crashes < 0 || g.Refused < 0:
		return invalid("guard", message.GuardNegative)
	case !(g.ErrorPercent >= 0 && g.ErrorPercent <= 100): // so that NaN is refused
		return invalid("guard.error_percent", message.GuardPercent, g.ErrorPercent)
	case *g == Guard{}:
		return invalid("guard", message.GuardEmpty)
	}
	return nil
}

// String names the thresholds: "5 errors, 1 crash".
func (g Guard) String() string {
	var parts []string
	add := func(n int, one, many string) {
		switch n {
		case 0:
		case 1:
			parts = append(parts, "1 "+one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(g.Errors, "error", "errors")
	if g.ErrorPercent > 0 {
		parts = append(parts, fmt.Sprintf("%g %% errors", g.ErrorPercent))
	}
	add(g.Crashes, "crash", "crashes")
	add(g.Refused, "refused connection", "refused connections")
	return strings.Join(parts, ", ")
}
