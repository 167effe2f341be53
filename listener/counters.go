package listener

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Counters are what a server counts. The struct has a fixed layout of 64-bit
// atomics and no pointers, so it may lie in memory shared between processes.
// Its zero value is ready to use.
type Counters struct {
	// Accepted counts the connections served, all of them since the beginning.
	Accepted atomic.Uint64
	// Active is the number of connections within a request, at this moment.
	Active atomic.Uint64
	// Idle is the number of open connections between requests, those that have
	// not yet sent one included, at this moment.
	Idle atomic.Uint64
	// Requests counts request headers received, malformed ones included.
	Requests atomic.Uint64
	// failures counts requests that failed, by whose fault it was.
	failures failures
	// BytesIn and BytesOut count what was read from and written to connections.
	BytesIn, BytesOut atomic.Uint64
	// Refused counts connections answered with 503 because of MaxConnections.
	Refused atomic.Uint64
	// TimedOut counts connections ended by a timeout.
	TimedOut atomic.Uint64
	// Latency counts requests by the time from the end of their header to the
	// end of their response; see [LatencyBucket].
	Latency [LatencyBuckets]atomic.Uint64
}

// Load reads the counters. Each is exact, all together are only as consistent
// as numbers read one after the other while others write.
func (c *Counters) Load() Totals {
	t := Totals{
		Accepted: c.Accepted.Load(), Active: c.Active.Load(), Idle: c.Idle.Load(),
		Requests: c.Requests.Load(), Failures: c.failures.load(),
		BytesIn: c.BytesIn.Load(), BytesOut: c.BytesOut.Load(),
		Refused: c.Refused.Load(), TimedOut: c.TimedOut.Load(),
	}
	for i := range c.Latency {
		t.Latency[i] = c.Latency[i].Load()
	}
	return t
}

func (c *Counters) observe(d time.Duration) { c.Latency[LatencyBucket(d)].Add(1) }

// enter and leave move a connection between the two gauges.
func (c *Counters) enter(s State) { c.gauge(s).Add(1) }
func (c *Counters) leave(s State) { c.gauge(s).Add(^uint64(0)) }

func (c *Counters) gauge(s State) *atomic.Uint64 {
	if s.Active() {
		return &c.Active
	}
	return &c.Idle
}

// Totals are counters at one moment, or a sum or difference of such.
type Totals struct {
	Accepted, Active, Idle uint64
	Requests               uint64
	Failures               Failures
	BytesIn, BytesOut      uint64
	Refused, TimedOut      uint64
	Latency                [LatencyBuckets]uint64
}

// Errors are the failed requests that were not the client's fault.
func (t Totals) Errors() uint64 { return t.Failures.Errors() }

// Add is the sum of both, as over several processes.
func (t Totals) Add(u Totals) Totals {
	t.Active += u.Active
	t.Idle += u.Idle
	return t.combine(u, func(a, b uint64) uint64 { return a + b })
}

// Sub is what was counted since the earlier u. The gauges Active and Idle stay
// those of t.
func (t Totals) Sub(u Totals) Totals {
	return t.combine(u, func(a, b uint64) uint64 { return a - b })
}

// Max is the higher of each counter. The gauges Active and Idle stay those of t.
func (t Totals) Max(u Totals) Totals {
	return t.combine(u, func(a, b uint64) uint64 { return max(a, b) })
}

func (t Totals) combine(u Totals, op func(a, b uint64) uint64) Totals {
	t.Accepted = op(t.Accepted, u.Accepted)
	t.Requests = op(t.Requests, u.Requests)
	t.Failures = t.Failures.combine(u.Failures, op)
	t.BytesIn = op(t.BytesIn, u.BytesIn)
	t.BytesOut = op(t.BytesOut, u.BytesOut)
	t.Refused = op(t.Refused, u.Refused)
	t.TimedOut = op(t.TimedOut, u.TimedOut)
	for i := range t.Latency {
		t.Latency[i] = op(t.Latency[i], u.Latency[i])
	}
	return t
}

// Percentile is the latency that p percent of the requests did not exceed, to
// within 12.5 %; zero when none were counted. p runs from 0 to 100.
func (t Totals) Percentile(p float64) time.Duration {
	var all uint64
	for _, n := range t.Latency {
		all += n
	}
	if all == 0 {
		return 0
	}
	rank := uint64(p / 100 * float64(all))
	var seen uint64
	last := 0
	for i, n := range t.Latency {
		if n == 0 {
			continue
		}
		last = i
		if seen += n; seen > rank {
			break
		}
	}
	return bucketMiddle(last)
}

// LatencyBuckets is the number of latency buckets: exact below 16 µs, then
// eight for each doubling, up to 67 s. What takes longer is in the last one.
const LatencyBuckets = 192

// LatencyBucket is the index of the bucket that counts d.
func LatencyBucket(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < 8 {
		return int(us)
	}
	e := bits.Len64(us) - 4
	return min(e*8+int(us>>e), LatencyBuckets-1)
}

// LatencyBound is the lowest latency counted in bucket i; the bucket reaches up
// to the bound of the next.
func LatencyBound(i int) time.Duration {
	if i < 16 {
		return time.Duration(i) * time.Microsecond
	}
	e := i/8 - 1
	return time.Duration((8+i%8)<<e) * time.Microsecond
}

func bucketMiddle(i int) time.Duration {
	return (LatencyBound(i) + LatencyBound(i+1)) / 2
}
