package control

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
)

// Bounds of how much more time an [Action] gives to a drain.
const (
	MinExtend = time.Second
	MaxExtend = 24 * time.Hour
)

// CheckDrain finds what is wrong with an action of the kinds [DrainExtend] and
// [DrainNow], whatever drains.
func (a Action) CheckDrain() error {
	by := time.Duration(a.By)
	switch {
	case a.Kind == DrainNow && by != 0:
		return invalid("by", "a drain that ends now cannot be given %s more: leave by out", by)
	case a.Kind == DrainExtend && (by < MinExtend || by > MaxExtend):
		return invalid("by", "a drain cannot be extended by %s: from %s to %s it can", by, MinExtend, MaxExtend)
	case a.Listener == "" && !a.All, !a.All && a.Worker < 0:
		return invalid("worker", "name a listener and one of its workers, or say all")
	}
	return nil
}

// DrainSubject names what an action of those kinds is about.
func (a Action) DrainSubject() string {
	switch {
	case a.Listener == "":
		return "all listeners"
	case a.All:
		return printable.Limit(a.Listener, 80)
	}
	return fmt.Sprintf("%s worker %d", printable.Limit(a.Listener, 80), a.Worker)
}

// NothingDrains is the answer to such an action that finds nothing to do.
func (a Action) NothingDrains() *Error {
	return &Error{Code: CodeRefused, Message: fmt.Sprintf("%s: nothing drains", a.DrainSubject())}
}

// DrainDone tells what such an action has done to n processes.
func (a Action) DrainDone(n int) string {
	what := fmt.Sprintf("%d drains", n)
	if n == 1 {
		what = "the drain"
	}
	if a.Kind == DrainNow {
		return fmt.Sprintf("%s: %s ended now, what was left is closed", a.DrainSubject(), what)
	}
	return fmt.Sprintf("%s: %s extended by %s", a.DrainSubject(), what, time.Duration(a.By))
}
