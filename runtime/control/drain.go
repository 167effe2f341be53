package control

import (
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
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
		return invalid("by", message.DrainNowByTime, by)
	case a.Kind == DrainExtend && (by < MinExtend || by > MaxExtend):
		return invalid("by", message.DrainByOutOfRange, by, MinExtend, MaxExtend)
	case a.Listener == "" && !a.All, !a.All && a.Worker < 0:
		return invalid("worker", message.DrainNeedsWorker)
	}
	return nil
}

// drainSubject names what an action of those kinds is about.
func (a Action) drainSubject() message.Message {
	switch {
	case a.Listener == "":
		return message.New(message.DrainsAll)
	case a.All:
		return message.New(message.DrainsListener, printable.Limit(a.Listener, 80))
	}
	return message.New(message.DrainsWorker, printable.Limit(a.Listener, 80), a.Worker)
}

// NothingDrains is the answer to such an action that finds nothing to do.
func (a Action) NothingDrains() *Error {
	return Fail(CodeRefused, message.NothingDrains, a.drainSubject())
}

// DrainDone tells what such an action has done to n processes.
func (a Action) DrainDone(n int) message.Message {
	if a.Kind == DrainNow {
		return message.New(message.DrainEnded, a.drainSubject(), n)
	}
	return message.New(message.DrainExtended, a.drainSubject(), n, time.Duration(a.By))
}
