package listener_test

import (
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

func TestLatencyBucketsAreWithinAnEighth(t *testing.T) {
	for us := int64(0); us < 67_000_000; us += 1 + us/97 {
		d := time.Duration(us) * time.Microsecond
		i := listener.LatencyBucket(d)
		low, high := listener.LatencyBound(i), listener.LatencyBound(i+1)
		if d < low || d >= high {
			t.Fatalf("%v is in bucket %d, which is %v to %v", d, i, low, high)
		}
		if width := high - low; us >= 8 && width*8 > low {
			t.Fatalf("bucket %d from %v to %v is wider than 12.5 %%", i, low, high)
		}
	}
	for _, d := range []time.Duration{68 * time.Second, time.Hour, 1 << 62} {
		if i := listener.LatencyBucket(d); i != listener.LatencyBuckets-1 {
			t.Errorf("%v is in bucket %d, want the last", d, i)
		}
	}
	if i := listener.LatencyBucket(-time.Second); i != 0 {
		t.Errorf("a negative latency is in bucket %d, want 0", i)
	}
}

func TestPercentileIsNearTheExactOne(t *testing.T) {
	var c listener.Counters
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(rand.ExpFloat64() * float64(3*time.Millisecond)).Truncate(time.Microsecond)
		c.Latency[listener.LatencyBucket(d)].Add(1)
		all = append(all, d)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	totals := c.Load()
	for _, p := range []float64{1, 50, 90, 99, 99.9} {
		exact := all[int(p/100*float64(len(all)))]
		got := totals.Percentile(p)
		if diff := (got - exact).Abs(); diff > exact/8+time.Microsecond {
			t.Errorf("p%v is %v, want %v within 12.5 %%", p, got, exact)
		}
	}
	if got := totals.Percentile(100); got < all[len(all)-1]*7/8 {
		t.Errorf("p100 is %v, want about %v", got, all[len(all)-1])
	}
	if got := (listener.Totals{}).Percentile(50); got != 0 {
		t.Errorf("the median of nothing is %v, want 0", got)
	}
}

func TestTotalsAddAndSub(t *testing.T) {
	var c listener.Counters
	c.Requests.Store(7)
	c.Idle.Store(2)
	c.Latency[3].Store(7)
	before := c.Load()
	c.Requests.Add(5)
	c.Idle.Store(1)
	c.Latency[3].Add(5)
	if d := c.Load().Sub(before); d.Requests != 5 || d.Latency[3] != 5 || d.Idle != 1 {
		t.Errorf("%d requests, %d in the bucket, %d idle since; want 5, 5, 1", d.Requests, d.Latency[3], d.Idle)
	}
	if s := c.Load().Add(before); s.Requests != 19 || s.Latency[3] != 19 || s.Idle != 3 {
		t.Errorf("%d requests, %d in the bucket, %d idle in sum; want 19, 19, 3", s.Requests, s.Latency[3], s.Idle)
	}
}
