package runtime

import (
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// drainRecord is what a process counts of its own drain, on the scoreboard.
type drainRecord struct {
	// receipt is the number of the change that retires the process, and now not
	// zero if somebody has ended the drain; both are written by the master.
	receipt, now atomic.Uint64
	// open and accepted are how many connections there were when the drain began,
	// and how many had been accepted by then.
	begun, open, accepted atomic.Uint64
	// cut were closed within a request, moved go on in another process; done is
	// not zero when the drain is over.
	cut, moved, done atomic.Uint64
}

// drained is what became of a process's connections.
type drained struct {
	ended, cut, moved, open int
	cause                   string // of what was cut; empty if nothing was
}

// beginDrain notes what a drain begins with.
func (b *board) beginDrain() {
	d, c := &b.drain, &b.listener
	for {
		accepted := c.Accepted.Load()
		d.open.Store(c.Active.Load() + c.Idle.Load())
		if d.accepted.Store(accepted); c.Accepted.Load() == accepted {
			break
		}
	}
	d.begun.Store(1)
}

// endDrain notes how many connections had to be closed.
func (b *board) endDrain(forced int) {
	b.drain.cut.Store(uint64(forced))
	b.drain.done.Store(1)
}

// drained is how far the drain has come; over tells that the process has ended.
func (b *board) drained(over bool) drained {
	d, c := &b.drain, &b.listener
	active, idle := int(c.Active.Load()), int(c.Idle.Load())
	r := drained{cut: int(d.cut.Load()), moved: int(d.moved.Load()), open: active + idle}
	if d.begun.Load() == 0 {
		if over {
			r.cut, r.ended, r.open = active, idle, 0
		}
		return r.because(d)
	}
	total := int(d.open.Load() + c.Accepted.Load() - d.accepted.Load())
	switch {
	case d.done.Load() != 0: // what is open yet has been cut, and its handler has not returned
		r.open = 0
	case over:
		r.cut, r.open = active, 0
	}
	r.ended = max(0, total-r.open-r.cut-r.moved)
	return r.because(d)
}

// because names why connections were cut.
func (r drained) because(d *drainRecord) drained {
	switch {
	case r.cut == 0:
	case d.done.Load() == 0:
		r.cause = control.EndedCrash
	case d.now.Load() != 0:
		r.cause = control.EndedNow
	default:
		r.cause = control.EndedDeadline
	}
	return r
}
