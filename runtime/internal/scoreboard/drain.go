package scoreboard

import (
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Drained is what became of a process's connections.
type Drained struct {
	Ended, Cut, Moved, Open int
	Cause                   string // of what was cut; empty if nothing was
}

// BeginDrain notes what a drain begins with.
func (b *Board) BeginDrain() {
	d, c := &b.Drain, b.Listener
	for {
		accepted := c.Accepted.Load()
		d.open.Store(c.Active.Load() + c.Idle.Load())
		if d.accepted.Store(accepted); c.Accepted.Load() == accepted {
			break
		}
	}
	d.begun.Store(1)
}

// EndDrain notes how many connections had to be closed.
func (b *Board) EndDrain(forced int) {
	b.Drain.cut.Store(uint64(forced))
	b.Drain.done.Store(1)
}

// Drained is how far the drain has come; over tells that the process has ended.
func (b *Board) Drained(over bool) Drained {
	d, c := &b.Drain, b.Listener
	active, idle := int(c.Active.Load()), int(c.Idle.Load())
	r := Drained{Cut: int(d.cut.Load()), Moved: int(d.Moved.Load()), Open: active + idle}
	if d.begun.Load() == 0 {
		if over {
			r.Cut, r.Ended, r.Open = active, idle, 0
		}
		return r.because(d)
	}
	total := int(d.open.Load() + c.Accepted.Load() - d.accepted.Load())
	switch {
	case d.done.Load() != 0: // what is open yet has been cut, and its handler has not returned
		r.Open = 0
	case over:
		r.Cut, r.Open = active, 0
	}
	r.Ended = max(0, total-r.Open-r.Cut-r.Moved)
	return r.because(d)
}

// because names why connections were cut.
func (r Drained) because(d *drain[*atomic.Uint64]) Drained {
	switch {
	case r.Cut == 0:
	case d.done.Load() == 0:
		r.Cause = control.EndedCrash
	case d.Now.Load() != 0:
		r.Cause = control.EndedNow
	default:
		r.Cause = control.EndedDeadline
	}
	return r
}
