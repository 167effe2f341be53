package pool

import "sync/atomic"

// States of a backend, as kept in [Counters.Up].
const (
	StateUnknown = 0 // no connection was attempted yet
	StateUp      = 1 // the last attempt to connect, or the last response, was good
	StateDown    = 2 // recent attempts to connect failed
)

// Counters are the numbers of one backend as one process sees it. The layout is
// fixed and made of atomic.Uint64 alone, so that it can be laid over memory
// shared with another process; zero is ready to use. Open, Active and Up are
// gauges and mean nothing once the process that wrote them has gone, see
// [Totals.Past].
type Counters struct {
	// Open is how many TCP connections to the backend are open.
	Open atomic.Uint64
	// Active is how many of them carry a request.
	Active atomic.Uint64
	// Requests is how many requests were sent, retries included.
	Requests atomic.Uint64
	// Errors is how many attempts failed: no connection, broken off, timed out,
	// or answered with a status of 500 or more.
	Errors atomic.Uint64
	// WaitCount is how many requests waited because every connection allowed
	// was in use, WaitNanos how many nanoseconds they waited all together.
	WaitCount, WaitNanos atomic.Uint64
	// Failures is how many attempts to connect failed in a row.
	Failures atomic.Uint64
	// Up is one of StateUnknown, StateUp and StateDown.
	Up atomic.Uint64
	// DownUntil is the Unix time in nanoseconds before which a backend that is
	// down is not tried again; 0 while it is up.
	DownUntil atomic.Uint64
	// LastFailure is when and of what the backend failed last, see [Totals.Last];
	// 0 if it never did.
	LastFailure atomic.Uint64
}

// dec subtracts one.
func dec(g *atomic.Uint64) { g.Add(^uint64(0)) }

// Load reads the counters. Each number is exact; together they may straddle a
// change.
func (c *Counters) Load() Totals {
	// Active before Open: whoever becomes active is open already.
	active := c.Active.Load()
	return Totals{
		Active:    active,
		Open:      max(c.Open.Load(), active),
		Requests:  c.Requests.Load(),
		Errors:    c.Errors.Load(),
		WaitCount: c.WaitCount.Load(),
		WaitNanos: c.WaitNanos.Load(),
		Failures:  c.Failures.Load(),
		Up:        c.Up.Load(),
		DownUntil: c.DownUntil.Load(),

		LastFailure: c.LastFailure.Load(),
	}
}

// Totals are counters at one moment, or the sum of several; the fields are
// those of [Counters].
type Totals struct {
	Open, Active         uint64
	Requests, Errors     uint64
	WaitCount, WaitNanos uint64
	Failures             uint64
	Up                   uint64
	DownUntil            uint64
	LastFailure          uint64
}

// Idle is how many open connections carry no request.
func (t Totals) Idle() uint64 {
	if t.Open < t.Active {
		return 0
	}
	return t.Open - t.Active
}

// Add sums what two processes count, or two backends. The sum is up if either
// is, else down if either is; it is tried again when the sooner one is.
func (t Totals) Add(u Totals) Totals {
	t.Open += u.Open
	t.Active += u.Active
	t.Requests += u.Requests
	t.Errors += u.Errors
	t.WaitCount += u.WaitCount
	t.WaitNanos += u.WaitNanos
	t.Failures += u.Failures
	t.Up = betterState(t.Up, u.Up)
	t.DownUntil = sooner(t.DownUntil, u.DownUntil)
	t.LastFailure = max(t.LastFailure, u.LastFailure)
	if t.Up != StateDown {
		t.DownUntil = 0
	}
	return t
}

// Past is what remains of the counters of a process that has gone: everything
// but the gauges.
func (t Totals) Past() Totals {
	return Totals{Requests: t.Requests, Errors: t.Errors, WaitCount: t.WaitCount, WaitNanos: t.WaitNanos, LastFailure: t.LastFailure}
}

func betterState(a, b uint64) uint64 {
	if a == StateUp || b == StateUp {
		return StateUp
	}
	return max(a, b)
}

func sooner(a, b uint64) uint64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
