package control

import (
	"slices"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Bounds of what one may ask for.
const (
	minInterval     = 100 * time.Millisecond
	defaultInterval = time.Second
	maxHistory      = 3600
	maxLook         = 100
	defaultLimit    = 100
	maxLimit        = 10000
)

// Effective returns the options with defaults and bounds applied.
func (o WatchOptions) Effective() WatchOptions {
	if o.Interval == 0 {
		o.Interval = defaultInterval
	}
	o.Interval = max(o.Interval, minInterval)
	o.History = min(max(o.History, 0), maxHistory)
	o.Look = o.Look[:min(len(o.Look), maxLook)]
	return o
}

// Looks reports whether the watcher looks at the object with that path, or at
// something below it.
func (o WatchOptions) Looks(object string) bool {
	return len(o.Look) == 0 || slices.ContainsFunc(o.Look, func(path string) bool {
		below, ok := strings.CutPrefix(path, object)
		return ok && (below == "" || below[0] == '.')
	})
}

// Effective returns the query with its default limit, or an *[Error] with
// [CodeInvalid] that names what is wrong with it.
func (q Query) Effective() (Query, error) {
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	switch {
	case q.Limit < 0 || q.Limit > maxLimit:
		return q, invalid("limit", message.LimitOutOfRange, "connections", q.Limit, maxLimit)
	case q.Offset < 0:
		return q, invalid("offset", message.OffsetNegative, q.Offset)
	case q.State != "" && q.State != "active" && q.State != "idle":
		return q, invalid("state", message.UnknownState, printable.Limit(q.State, 40))
	}
	return q, nil
}

// Check reports an *[Error] with [CodeInvalid] if the change is both a patch
// and a whole config, or is to last for a time that makes no sense. A change
// that is neither patch nor config is valid and changes nothing.
func (c Change) Check() error {
	if len(c.Patch) > 0 && c.Config != "" {
		return invalid("config", message.PatchAndConfig)
	}
	return c.checkTimes()
}

func invalid(path string, text message.Code, values ...any) *Error {
	return Fail(CodeInvalid, text, values...).At(path)
}
