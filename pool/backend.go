package pool

import "time"

// After tolerated failed connects in a row a backend is down, first for
// firstPause, then for twice as long after each trial that fails, up to
// longestPause.
const (
	tolerated    = 2
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// backend is one server. Pool.mu guards all of it but the counters.
type backend struct {
	name, url, addr string
	counters        *Counters

	weight  int
	turn    int  // standing in the round robin
	removed bool // no longer in the config

	used    int     // permits given out: connections in use or being dialed
	uploads int     // of these, for requests whose body is still to come
	away    int     // idle connections the sweep is looking at
	idle    []*conn // the longest idle first

	failures  int           // connects that failed in a row
	downUntil time.Time     // zero while up
	pause     time.Duration // the present one
	trying    bool          // a trial is under way
}

func newBackend(c BackendConfig, addr string) *backend {
	b := &backend{name: c.Name, url: c.URL, addr: addr, counters: c.Counters}
	if b.counters == nil {
		b.counters = new(Counters)
	}
	b.counters.Failures.Store(0)
	b.counters.DownUntil.Store(0)
	b.counters.Up.Store(StateUnknown)
	return b
}

func (b *backend) down() bool { return !b.downUntil.IsZero() }

// open is how many connections are, or are about to be, open.
func (b *backend) open() int { return b.used + b.away + len(b.idle) }

// take gives out a permit and, if there is one, the connection used last: the
// others get a chance to time out.
func (b *backend) take() *conn {
	b.used++
	n := len(b.idle)
	if n == 0 {
		return nil
	}
	c := b.idle[n-1]
	b.idle[n-1] = nil
	b.idle = b.idle[:n-1]
	return c
}

// shrink removes idle connections, the oldest first, until no more than room
// are open, and returns them to be closed.
func (b *backend) shrink(room int) []*conn {
	n := min(max(b.open()-room, 0), len(b.idle))
	if n == 0 {
		return nil
	}
	surplus := append([]*conn(nil), b.idle[:n]...)
	b.idle = append(b.idle[:0], b.idle[n:]...)
	clear(b.idle[len(b.idle):cap(b.idle)])
	return surplus
}

// succeeded notes that the backend accepts connections, or has answered.
func (b *backend) succeeded() {
	if b.removed {
		return
	}
	b.failures, b.pause, b.downUntil = 0, 0, time.Time{}
	b.counters.Failures.Store(0)
	b.counters.DownUntil.Store(0)
	b.counters.Up.Store(StateUp)
}

// failed notes that a connect failed. While the backend is down only its trial
// lengthens the pause: requests that try it because all others are down as well
// would make it endless.
func (b *backend) failed(now time.Time, trial bool) {
	if b.removed {
		return
	}
	b.failures++
	b.counters.Failures.Store(uint64(b.failures))
	if b.down() && !trial || !b.down() && b.failures < tolerated {
		return
	}
	b.pause = min(max(2*b.pause, firstPause), longestPause)
	b.downUntil = now.Add(b.pause)
	b.counters.DownUntil.Store(uint64(b.downUntil.UnixNano()))
	b.counters.Up.Store(StateDown)
}
